"""Every recorded picture and table under ``experiments/`` is what ``make figures`` draws from the recorded results: no pixel may move."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from PIL import Image

from mwgan.cli.figures import draw
from mwgan.paths import conf_dir

REPOSITORY = Path(__file__).parents[2]
ROUNDING = 2  # grey levels: two figures project an image anew, and processors round differently
QUICK = {"claims", "fig4b", "table4", "wedge_table", "challenge_table", "measured", "measured_table", "trust"}


def commands() -> list[tuple[str, list[str]]]:
    """What ``make figures`` calls mwgan-figures with, and a name for each call."""
    makefile = "\n".join(file.read_text(encoding="utf-8") for file in sorted((REPOSITORY / "experiments").glob("*/study.mk")))
    calls = []
    for options in re.findall(r"^\t\$\(BIN\)/mwgan-figures (table=experiments/.*)$", makefile, re.MULTILINE):
        split = shlex.split(options)
        calls.append((split[1].split("[")[1].rstrip("]"), split))
    for study, name in re.findall(r"^\t\$\(BIN\)/mwgan-figures experiment=(\w+)/figures/(\w+)$", makefile, re.MULTILINE):
        calls.append((name, [f"experiment={study}/figures/{name}"]))
    for names, study in re.findall(r"for figure in \$\((\w+_FIGURES)\); do \$\(BIN\)/mwgan-figures experiment=(\w+)/figures/", makefile):
        listed = re.search(rf"^{names} := (.*)$", makefile, re.MULTILINE)
        calls += [(name, [f"experiment={study}/figures/{name}"]) for name in listed[1].split()]
    return calls


def drawn(options: list[str], folder: Path) -> dict[Path, Path]:
    """The recorded file of everything that a call draws, and what it draws today."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("figures", overrides=options)
    recorded = REPOSITORY / (cfg.folder or Path(cfg.table).parent)
    cfg.table, cfg.folder = str(REPOSITORY / cfg.table), str(folder)
    return {recorded / file.name: file for file in draw(cfg)}


def software(picture: Path) -> str:
    with Image.open(picture) as opened:
        return str(opened.info.get("Software"))


def test_all_recorded_figures_are_among_the_commands():
    assert len(commands()) == 31
    assert {name for name, _ in commands()} >= QUICK


@pytest.mark.parametrize(
    "options",
    [pytest.param(options, id=name, marks=() if name in QUICK else pytest.mark.slow) for name, options in commands()],
)
def test_a_recorded_figure_is_drawn_as_it_was(options, tmp_path):
    files = drawn(options, tmp_path)
    assert files
    for recorded, today in files.items():
        if today.suffix == ".csv":
            pd.testing.assert_frame_equal(pd.read_csv(today), pd.read_csv(recorded), rtol=1e-5)
        elif f"version{matplotlib.__version__}," in software(recorded):
            one, other = (np.asarray(Image.open(file).convert("RGBA")).astype(int) for file in (recorded, today))
            assert one.shape == other.shape, recorded.name
            assert np.abs(one - other).max() <= ROUNDING, recorded.name
        else:
            pytest.skip(f"{recorded} was drawn by {software(recorded)}, and this is {matplotlib.__version__}")
