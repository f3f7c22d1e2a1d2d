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
html_theme_options = {"top_of_page_buttons": []}  # they stand outside of every landmark

# What furo leaves out that screen readers and keyboards need: levels of headings, names of the two parts beside the
# page, a heading of the search, and a way into code that is wider than the page.
_READABLE = {
    'role="heading"': 'role="heading" aria-level="2"',
    '<aside class="sidebar-drawer"': '<aside aria-label="All pages" class="sidebar-drawer"',
    '<aside class="toc-drawer': '<aside aria-label="This page" class="toc-drawer',
    '<div id="search-results"></div>': '<h1>Search</h1><div id="search-results"></div>',
    "<pre>": '<pre tabindex="0">',
}


def _make_readable(app, error):
    if error is None and app.builder.format == "html":
        for page in app.outdir.rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            for given, wanted in _READABLE.items():
                text = text.replace(wanted, given).replace(given, wanted)  # once, also for a page that was kept
            page.write_text(text, encoding="utf-8")


def setup(app):
    app.connect("build-finished", _make_readable)
