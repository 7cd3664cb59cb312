"""The Makefile: short, and every target that a page names is there and explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKEFILE = ROOT / "Makefile"
STUDIES = sorted(ROOT.glob("experiments/*/study.mk"))
RULES = "\n".join(file.read_text(encoding="utf-8") for file in (MAKEFILE, *STUDIES))
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", RULES, re.MULTILINE))
EXPLAINED = set(re.findall(r"^([a-z][a-z0-9-]*):.* ## \S", RULES, re.MULTILINE))
PAGES = [page for part in ("*.md", "docs/**/*.md", "experiments/**/*.md") for page in ROOT.glob(part)]
CODE = re.compile(r"^```sh\n(.*?)^```|`(make [^`]*)`", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"^make ((?:[a-z][a-z0-9-]*(?: |$))+)", re.MULTILINE)


def named(page: str) -> set[str]:
    """The targets that a page calls in its commands."""
    code = "\n".join(f"{block}{span}\n" for block, span in CODE.findall(page))
    return {target for targets in NAMED.findall(code) for target in targets.split()}


def test_the_makefile_is_short():
    assert MAKEFILE.stat().st_size < 4096


def test_every_study_is_included():
    included = re.search(r"^include (.*)$", MAKEFILE.read_text(encoding="utf-8"), re.MULTILINE)[1].split()
    assert sorted(included) == [study.relative_to(ROOT).as_posix() for study in STUDIES]


def test_every_target_is_explained_and_no_file():
    phony = set(" ".join(re.findall(r"^\.PHONY: (.*)$", RULES, re.MULTILINE)).split())
    assert phony == TARGETS
    assert sorted(TARGETS - EXPLAINED) == ["beyond-figures", "ding2019-figures", "irdm2020-figures"]  # what figures consists of


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_calls_is_there(page):
    assert named(page.read_text(encoding="utf-8")) <= TARGETS


def test_targets_are_found_in_code_alone():
    page = "`make lint types` and\nmake a package, or\n```sh\nmake test   # quick\nmake demo\nmake aet SCALE=smoke\n```\n"
    assert named(page) == {"lint", "types", "test", "demo", "aet"}
