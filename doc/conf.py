"""Sphinx."""

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE / "_ext"), str(_HERE.parent)]

import sipexpress  # noqa: E402 - found by the line above

project = "sipexpress"
author = "the sipexpress authors"
copyright = author
version = release = sipexpress.__version__

extensions = ["sphinx.ext.autodoc", "modules", "tables"]
exclude_patterns = ["_build"]
default_role = "code"
smartquotes = False  # an option stays --option
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False

html_theme = "alabaster"
html_theme_options = {
    "description": "SIP Express Router reborn as a Python framework on Twisted",
    "fixed_sidebar": True,
    "page_width": "1080px",
}
html_copy_source = False
html_show_sourcelink = False
