from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from mwgan.errors import InputError
from mwgan.evaluation.tuning import describe
from mwgan.geometry import TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.series.tuned import noise_percent, tuned_settings, wedge_deg

SOURCES = ("faces", "brain")


class Series:
    """A tilt series in memory, of drawn slices with white noise; every third is empty."""

    def __init__(self, image, tilts, percent=0.0):
        self.geometry, self.slices = TiltGeometry(tilts, image.shape[-1]), 3
        clean = ParallelBeam(self.geometry)(image[:1])
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
        self._rows = clean + percent / 100 * clean.max() * noise

    def sinograms(self, start, stop):
        return torch.cat([torch.zeros_like(self._rows) if index == 2 else self._rows for index in range(start, stop)])


@pytest.fixture
def smooth():
    """A slice (1, 1, 48, 48) without fine structure, which an estimate would take for noise."""
    z, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    return torch.exp(-((z - 20) ** 2 + (x - 26) ** 2) / 100)[None, None]


@pytest.fixture
def series(smooth):
    return Series(smooth, range(-60, 61, 3), percent=4.0)


def record(tmp_path, best, columns=None):
    """A record in which, of each method, the parameters that ``best(method, source, wedge, noise)`` names are best."""
    grids = {
        "tvm": [{"weight": weight} for weight in (0.01, 0.05, 0.2)],
        "tvm_directional": [{"direction_weights": pair} for pair in ([1.0, 1.0], [0.7, 1.4])],
        "wbp": [{"filter": name, "cutoff": cutoff} for name in ("ramp", "hann") for cutoff in (0.5, 1.0)],
    }
    rows = [
        {"method": method, "checkpoint": "", "parameters": describe(choice), "source": source, "wedge_deg": wedge, "noise_percent": noise,
         "images": 4, "seed": 0, "psnr": 20.0 + (choice == best(method, source, wedge, noise)), "ssim": 0.5}
        for method, grid in grids.items()
        for source, wedge, noise in itertools.product(SOURCES, (30.0, 60.0), (0.0, 5.0)) for choice in grid
    ]  # fmt: skip
    file = tmp_path / "results.tuning.csv"
    pd.DataFrame(rows, columns=columns).to_csv(file, index=False)
    return file


def by_condition(method, source, wedge, noise):
    if method == "tvm":
        return {"weight": {(30.0, 0.0): 0.01, (60.0, 5.0): 0.2}.get((wedge, noise), 0.05)}
    return {"direction_weights": [0.7, 1.4]} if method == "tvm_directional" else {"filter": "hann", "cutoff": 0.5}


def test_the_nearest_noise_and_wedge_are_taken_and_told(tmp_path, series):
    file = record(tmp_path, by_condition)
    settings, sentence = tuned_settings("tvm", file, series)
    assert settings == {"weight": 0.2}
    assert "weight=0.2: best for tvm" in sentence
    assert "60 degrees missing and 5 % noise (brain, faces); this series: 57 degrees" in sentence
    assert tuned_settings("wbp", file, series)[0] == {"filter": "hann", "cutoff": 0.5}


def test_a_clean_series_with_few_tilts_missing_takes_others(tmp_path, smooth):
    settings, sentence = tuned_settings("tvm", record(tmp_path, by_condition), Series(smooth, range(-75, 76, 3)))
    assert settings == {"weight": 0.01}
    assert "30 degrees missing and 0 % noise" in sentence


def test_a_method_that_goes_on_from_another_takes_over_what_that_was_tuned_to(tmp_path, series):
    settings, _ = tuned_settings("tvm_directional", record(tmp_path, by_condition), series)
    assert settings == {"weight": 0.2, "direction_weights": [0.7, 1.4]}


def test_of_several_sources_the_mean_decides_and_what_was_tried_on_all(tmp_path, series):
    file = record(tmp_path, lambda method, source, *where: {"weight": {"faces": 0.01, "brain": 0.05}[source]})
    rows = pd.read_csv(file)
    rows.loc[(rows["parameters"] == "weight=0.05") & (rows["source"] == "brain"), "psnr"] += 5
    alone = rows.iloc[[0]].assign(parameters="weight=0.4", psnr=90.0, wedge_deg=60.0, noise_percent=5.0)
    pd.concat([rows, alone]).to_csv(file, index=False)
    assert tuned_settings("tvm", file, series)[0] == {"weight": 0.05}


def test_a_record_of_earlier_versions_names_no_source(tmp_path, series):
    file = record(tmp_path, by_condition, ["method", "parameters", "wedge_deg", "noise_percent", "images", "psnr", "ssim"])
    settings, sentence = tuned_settings("tvm", file, series)
    assert settings == {"weight": 0.2}
    assert "5 % noise; this series" in sentence


def test_what_a_record_does_not_tell_is_said(tmp_path, series):
    file = record(tmp_path, by_condition)
    for method, message in (("sart", "has no rows for sart: it has tvm, tvm_directional, wbp"), ("run/x", "run/x is a trained network")):
        with pytest.raises(InputError, match=message):
            tuned_settings(method, file, series)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    for name, message in (("other", "no column method, parameters"), ("empty", "can't be read"), ("none", "can't be read")):
        with pytest.raises(InputError, match=message):
            tuned_settings("tvm", tmp_path / f"{name}.csv", series)


@pytest.mark.parametrize("step", [1, 3, 6])
def test_the_wedge_is_counted_as_an_evaluation_counts_it(step, smooth):
    grid = TiltGeometry.full(32, step)
    for wedge in (30.0, 60.0, 90.0):
        measured = grid.take(grid.measured(wedge).nonzero().flatten().tolist())
        assert wedge_deg(Series(smooth, measured.tilt_deg)) == pytest.approx(wedge, abs=step)
    assert wedge_deg(Series(smooth, grid.tilt_deg)) == 0.0


@pytest.mark.parametrize("percent", [2.0, 5.0])
def test_the_noise_is_found(percent, smooth):
    assert noise_percent(Series(smooth, np.arange(-60, 61, 3), percent)) == pytest.approx(percent, rel=0.2)


def test_a_series_of_nothing_has_no_noise(smooth):
    with pytest.raises(InputError, match="no slice of the series has a positive density"):
        noise_percent(Series(0 * smooth, range(-60, 61, 3)))
