"""Shadow evaluation: from a logged decision to a report."""
