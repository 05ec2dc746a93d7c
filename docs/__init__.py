"""The documentation: Markdown pages, their generators and figures, and the site."""

from pathlib import Path

DOCS = Path(__file__).resolve().parent
