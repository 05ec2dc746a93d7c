"""The documentation: pages in Markdown, and what makes some of them, their figures and the site."""

from pathlib import Path

DOCS = Path(__file__).resolve().parent
