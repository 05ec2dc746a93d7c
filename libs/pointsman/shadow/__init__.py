"""Shadow evaluation: what other policies would have done with the logged decisions, up to the report and promotion."""
