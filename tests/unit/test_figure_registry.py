"""Figures register themselves: which there are, what each is given, and how other people's join them."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pandas as pd
import pytest

from mwgan import figures
from mwgan.errors import InputError
from mwgan.figures import registry
from mwgan.figures.registry import Needs, drawings, figure, register_others
from mwgan.figures.writing import write
from mwgan.results.kept import encode
from mwgan.results.recorded import Choice, Recorded

OPTIONS = {"columns", "trained_deg", "ranges_deg", "zoom_deg", "metric"}
TOLD = {
    Needs.ONE_IMAGE: {"results", "tomograms", "image"},
    Needs.IMAGES: {"results", "tomograms", "images"},
    Needs.IMAGE_BY_WEDGE: {"results", "tomograms", "image", "sinogram"},
    Needs.MEASUREMENT: {"image", "sinogram", "measured", "tilt_deg", "wedge_deg", "tomogram", "centred"},
    Needs.ONE_WEDGE: {"results"},
    Needs.ONE_WEDGE_AND_SINOGRAM: {"results", "sinogram"},
    Needs.WEDGES: {"results", "sinogram"},
    Needs.NOISE_LEVELS: {"results", "sinogram"},
}


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Figures that a test registers are gone after it."""
    monkeypatch.setattr(registry, "FIGURES", dict(registry.FIGURES))


@pytest.fixture
def table(tmp_path):
    """One source, two wedges and noise levels, both kinds of sinogram, one image of two kept."""
    rows = [
        {"method": method, "checkpoint": "", "train_data": "", "sinogram": sinogram, "wedge_deg": wedge, "source": "faces",
         "noise_percent": noise, "image": image, "seed": 0, "psnr": 20.0, "sharpness": 1.0}
        for method in ("wbp", "tvm") for sinogram in ("missing", "complete") for wedge in (40.0, 60.0) for noise in (0.0, 2.0)
        for image in (0, 1)
    ]  # fmt: skip
    results = pd.DataFrame(rows)
    kept = results[(results["image"] == 0) & (results["noise_percent"] == 2)].drop(columns=["psnr", "sharpness"])
    kept = pd.concat([kept, kept[kept["method"] == "wbp"].assign(method="truth")])
    results.to_parquet(tmp_path / "results.parquet")
    kept.assign(**encode(np.eye(8))).to_parquet(tmp_path / "results.tomograms.parquet")
    (tmp_path / "results.conditions.json").write_text('{"step_deg": 3.0}')
    return tmp_path / "results"


def given_to(name, table, measure=None, options=None, **choice):
    """What a figure is given, by name."""
    recorded = Recorded(table, Choice(**{"noise_percent": 2.0, "wedges_deg": [60], **choice}))
    return drawings(recorded, [name], options or {}, measure)[name]()


def test_every_figure_asks_for_what_its_needs_promise():
    assert len(registry.FIGURES) == 21
    for drawing, needs in registry.FIGURES.values():
        asked = inspect.signature(drawing).parameters
        assert set(asked) <= TOLD[needs] | OPTIONS
        assert getattr(figures, drawing.__name__) is drawing


@pytest.mark.parametrize("needs", [needs for needs in Needs if "results" in TOLD[needs]])
def test_the_rows_are_those_that_are_needed(table, needs):
    figure("mine", needs)(lambda results: results)
    rows = given_to("mine", table) if "ONE" in needs.name or needs is Needs.IMAGES else given_to("mine", table, wedges_deg=None)
    assert rows["noise_percent"].nunique() == 1
    one_sinogram = needs in (Needs.WEDGES, Needs.NOISE_LEVELS, Needs.ONE_WEDGE_AND_SINOGRAM)
    assert rows["sinogram"].unique().tolist() == (["missing"] if one_sinogram else ["missing", "complete"])


def test_a_figure_of_all_noise_levels_needs_none_chosen_and_others_ask_for_one(table):
    figure("levels", Needs.NOISE_LEVELS)(lambda results: results)
    figure("one", Needs.WEDGES)(lambda results: results)
    assert given_to("levels", table, noise_percent=None)["noise_percent"].nunique() == 2
    with pytest.raises(InputError, match="noise_percent="):
        given_to("one", table, noise_percent=None)


def test_what_a_figure_does_not_name_it_is_not_given(table):
    figure("mine", Needs.ONE_IMAGE)(lambda tomograms, image, columns: (len(tomograms), image, columns))
    # The rows of several wedges, which a figure that named them would be refused, are not asked for.
    assert given_to("mine", table, options={"columns": ["M_wbp"], "zoom_deg": [1, 2]}, wedges_deg=None) == (12, 0, ["M_wbp"])


def test_a_kept_image_is_measured_anew_by_who_can(table):
    figure("mine", Needs.MEASUREMENT)(lambda image, centred: (image, centred))
    image, centred = given_to(
        "mine", table, lambda image, step_deg, wedge_deg: {"image": image, "centred": (step_deg, wedge_deg), "other": 1}
    )
    np.testing.assert_array_equal(image, np.eye(8))
    assert centred == (3.0, 60.0)


def test_a_family_has_a_figure_of_every_metric_those_of_others_too(table):
    figure("{metric}_of_mine", Needs.WEDGES)(lambda results, metric: (metric, len(results)))
    assert given_to("sharpness_of_mine", table) == ("sharpness", 4)
    with pytest.raises(InputError, match=r"no figure ssim_of_mine: choose from .*psnr_grid, psnr_of_mine.*sharpness_by_wedge"):
        given_to("ssim_of_mine", table)


def test_a_name_is_given_once():
    with pytest.raises(InputError, match=r"mwgan\.figures\.details\.details and .* are both called details"):
        figure("details", Needs.ONE_IMAGE)(lambda results: results)
    assert figure("details", Needs.ONE_IMAGE)(figures.details) is figures.details


MODULE = """
from pandas import DataFrame
from mwgan.figures.registry import Needs, figure

@figure("{name}", needs=Needs.WEDGES)
def counts(results):
    return DataFrame({{"rows": [len(results)]}})
"""


def test_figures_of_a_module_and_of_an_installed_part_are_drawn(table, tmp_path, monkeypatch):
    for place, name in (("pictures_of_mine.py", "mine"), ("part_of_theirs/figures.py", "theirs"), ("part_of_theirs/__init__.py", None)):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("" if name is None else MODULE.format(name=name))
    (tmp_path / "part_without.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(registry, "installed_parts", lambda: ("part_of_theirs", "part_without", "part_that_is_gone"))
    register_others(["pictures_of_mine"])
    for name in ("mine", "theirs"):
        file = write(given_to(name, table), tmp_path / "drawn" / name)
        assert file.name == f"{name}.csv"
        assert pd.read_csv(file)["rows"].tolist() == [4]
    for module in ("pictures_of_mine", "part_of_theirs.figures", "part_of_theirs"):
        sys.modules.pop(module)


def test_a_module_that_is_not_there_is_said_so():
    with pytest.raises(InputError, match=r"the figures of not_there can't be imported .*PYTHONPATH"):
        register_others(["not_there"])
