"""What the pages say: links lead somewhere, the site's navigation holds every page, and numbers are those that were recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(page for part in ("*.md", "docs/**/*.md", "experiments/**/*.md", "mwgan/weights/*.md") for page in ROOT.glob(part))
LINK = re.compile(r"\]\(([^)\s]+)\)")
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
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


def navigation(page: Path) -> set[Path]:
    """The pages that a page of the site leads to by its toctrees, and those lead to."""
    found = {page}
    if page.suffix == ".md":
        for entry in "\n".join(TOCTREE.findall(page.read_text(encoding="utf-8"))).splitlines():
            if entry and not entry.startswith(":"):
                listed = [file for suffix in (".md", ".ipynb") for file in page.parent.glob(entry + suffix)]
                assert listed, f"{page.name} lists {entry}, which isn't there"
                found = found.union(*(navigation(file.resolve()) for file in listed))
    return found


def test_the_sites_navigation_holds_every_page():
    pages = [page for part in ("docs/**/*.md", "experiments/**/*.md", "notebooks/*.ipynb") for page in ROOT.glob(part)]
    missing = set(pages) - navigation(ROOT / "docs" / "index.md")
    assert not missing, "list these in a toctree of docs/index.md, or of a page that it leads to"


def test_the_tables_of_ding_2019_are_what_was_recorded():
    rows = pd.read_csv(ROOT / "experiments/ding2019/table4/quality_table.csv").set_index(["method", "sinogram"])
    names = {"WBP": "wbp", "SART": "sart", "TVM, one setting": "tvm_paper", "TVM, tuned": "tvm", "joint model": "joint"}
    page = (ROOT / "docs/papers/ding2019.md").read_text(encoding="utf-8")
    written = re.findall(r"^\| ([\w ,]+) \| (missing|complete) \| (.*) \| (.*) \|$", page, re.MULTILINE)
    assert len(written) == 9
    for name, sinogram, papers, ours in written:
        row = rows.loc[(names[name], sinogram)]
        assert ours == f"{row['psnr']:.2f} / {row['ssim']:.4f} / {row['rmse_255']:.2f}", name
        known = "–" if name == "TVM, tuned" else f"{row['paper_psnr']:.2f} / {row['paper_ssim']:.4f} / {row['paper_rmse_255']:.2f}"
        assert papers == known, name


def test_the_claims_of_irdm_2020_are_what_was_recorded():
    rows = pd.read_csv(ROOT / "experiments/irdm2020/claims/nrmse_table.csv")
    over_all = rows[(rows["source"] == "all") & rows["train_data"].notna()]
    page = (ROOT / "docs/papers/irdm2020.md").read_text(encoding="utf-8")
    claims = [line for line in page.splitlines() if re.match(r"\| (beyond 65|the narrower|D6 is best)", line)]
    ranges = {"beyond 65": (65, 85), "at 50": (50, 50), "at 85": (85, 85), "65–85": (65, 85)}
    checked = 0
    for line in claims:
        lowest, highest = next(wedges for words, wedges in ranges.items() if words in line)
        means = over_all[over_all["wedge_deg"].between(lowest, highest)].groupby("train_data")["nrmse"].mean()
        for data, nrmse in re.findall(r"(D\d) (0\.\d{3})", line):
            assert nrmse == f"{means[data]:.3f}", line
            checked += 1
    assert checked == 13


def test_the_readmes_table_is_what_was_recorded():
    rows = pd.read_csv(ROOT / "experiments" / "beyond" / "guided" / "results.csv")
    means = rows.groupby(["noise_percent", "wedge_deg", "source", "method"])["psnr"].mean()
    message = re.findall(r"^\| ([\d.]+) % \| (\d+)° \| (.*) \|$", README, re.MULTILINE)
    assert len(message) == 6
    for noise, wedge, cells in message:
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
