"""Pages that are generated from the code and from benchmark results."""
