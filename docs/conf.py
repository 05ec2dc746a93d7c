"""Sphinx configuration. The source folder is the repository, so that relative links work on GitHub too."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import pointsman  # noqa: E402  # from the environment that builds the site

project = "Pointsman"
author = "The Pointsman contributors"
version = release = pointsman.__version__
language = "en"

extensions = ["myst_parser", "docs.site"]
root_doc = "docs/README"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/README.md",
    "docs/*/*.md",
    "benchmarks/README.md",
    "benchmarks/results/evidence-*.md",
    "deploy/README.md",
    "deploy/*/README.md",
    "libs/pointsman/README.md",
    "services/*/README.md",
    "tests/fault/README.md",
]
exclude_patterns = [".*", "build", "data", "**/__pycache__", "**/static"]

myst_heading_anchors = 4
nitpicky = True
suppress_warnings = ["myst.header", "misc.highlighting_failure"]

html_theme = "furo"
html_title = f"Pointsman {release}"
html_theme_options = {"footer_icons": []}
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_additional_pages = {"index": "to_start.html"}
templates_path = ["templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
