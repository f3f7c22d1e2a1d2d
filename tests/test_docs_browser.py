"""The documentation as a site, in a real Chromium: whoever hears or tabs through a page finds what is on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[browser]'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe: pip install '.[browser]'")
for needed in ("furo", "myst_parser", "sphinx_click"):
    pytest.importorskip(needed, reason="needs Sphinx: pip install '.[docs]'")

DOCS = Path(__file__).parent.parent / "docs"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium, or CHROMIUM=/path/to/it"),
    pytest.mark.slow,
]
PAGES = sorted(path.stem for path in DOCS.glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The whole site, built as readers build it: a warning is an error."""
    out = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", DOCS, out]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        made = started.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield made
        made.close()


def test_every_page_is_built(site):
    assert {path.stem for path in site.glob("*.html")} >= {*PAGES, "genindex", "search"}


@pytest.mark.parametrize("name", [*PAGES, "genindex", "search"])
def test_everybody_can_read_a_page(site, browser, name):
    page = browser.new_page()
    page.goto((site / f"{name}.html").as_uri())
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(page, options={"preload": False})
        assert found.violations_count == 0, (scheme, found.generate_report())
    page.close()
