"""The shadow report as HTML, as plots and as a table."""
