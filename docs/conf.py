"""The documentation site: ``make docs`` builds it into ``outputs/docs/site``.

The source folder is the repository itself, so that links between ``docs/``, ``experiments/`` and ``notebooks/`` lead to the same places
on the site and on GitHub. Notebooks are executed, and again only once they have changed.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

CHECKOUT = Path(__file__).parents[1]

project = "mwgan"
copyright = "the mwgan authors, MIT licence"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = [
    *("docs/**.md", "experiments/**.md", "notebooks/*.ipynb"),
    *("mwgan/weights/*.md", "samples/**.md", "integrations/**.md", "CHANGELOG.md", "CONTRIBUTING.md"),
]

myst_heading_anchors = 4
nb_execution_cache_path = str(CHECKOUT / "outputs" / "docs" / "executed")
nb_execution_timeout = 1200  # seconds a cell, on a busy machine
nb_execution_raise_on_error = True

# Several packages give the same class; its page is that of the package that defines it.
suppress_warnings = ["ref.python"]
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "undoc-members": True}

html_theme = "furo"
html_title = "mwgan"
html_extra_path = ["site"]  # index.html, which leads to docs/index.html


def escape_markup(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Outside of ``code`` and :roles:, ``C_`` and ``|x|`` in docstrings mean themselves, no links and substitutions."""
    for number, line in enumerate(lines):
        parts = re.split(r"(``.*?``|`.*?`)", line)
        parts[::2] = [re.sub(r"(\||_(?!\w))", r"\\\1", part) for part in parts[::2]]
        lines[number] = "".join(parts)


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", escape_markup)
