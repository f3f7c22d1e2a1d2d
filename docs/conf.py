"""Sphinx: `sphinx-build -W -b html docs docs/_build`."""

from evalengine import __version__

project = "evalengine"
copyright = "the evalengine authors"  # noqa: A001 - Sphinx's name
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_click"]
exclude_patterns = ["_build", "examples"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
html_theme = "furo"
html_title = f"evalengine {release}"
