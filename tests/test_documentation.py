"""What the pages say: their links lead somewhere, and the README's numbers are those that were recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(page for part in ("*.md", "docs/*.md", "experiments/**/*.md", "mwgan/weights/*.md") for page in ROOT.glob(part))
LINK = re.compile(r"\]\(([^)\s]+)\)")
SOURCES = ("phantom_faces", "random_shapes", "brain", "dogs")


def anchors(page: Path) -> set[str]:
    """Its headings as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    lost = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


def test_the_readmes_table_is_what_was_recorded():
    rows = pd.read_csv(ROOT / "experiments" / "beyond" / "guided" / "results.csv")
    means = rows.groupby(["noise_percent", "wedge_deg", "source", "method"])["psnr"].mean()
    told = re.findall(r"^\| ([\d.]+) % \| (\d+)° \| (.*) \|$", README, re.MULTILINE)
    assert len(told) == 6
    for noise, wedge, cells in told:
        for source, cell in zip(SOURCES, cells.split(" | "), strict=True):
            here = means[float(noise), float(wedge), source]
            assert cell == f"{here['tvm']:.1f} / {here['auto']:.1f}", (noise, wedge, source)


def test_the_readmes_speed_is_what_was_measured():
    rows = pd.read_csv(ROOT / "benchmarks" / "results" / "operators.csv")
    both = rows.groupby("case")["ms_per_image"].sum()
    times = re.search(r"(\d+) times as fast as ASTRA's", README)
    assert times is not None
    assert int(times[1]) == round(both["ASTRA, strip"] / both["mwgan"])


def test_the_readme_is_short():
    assert len(README.split()) < 1100
