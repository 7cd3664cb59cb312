"""Measured series without a truth, as test sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir

from mwgan.acquisition import NoNoise
from mwgan.cli.evaluate import _print_summary, evaluate
from mwgan.data import SeriesSlices
from mwgan.errors import InputError
from mwgan.evaluation import Conditions
from mwgan.evaluation.scores import score_series
from mwgan.operators import projector_for
from mwgan.paths import conf_dir
from mwgan.recon import SIRT

NEEDLE = Path(__file__).parents[2] / "samples" / "needle.mrc"


def needle(**changes) -> SeriesSlices:
    return SeriesSlices(str(NEEDLE), str(NEEDLE.with_suffix(".tlt")), "needle", axis_offset_px=0.25, **{"slices": [20, 60], **changes})


def conditions(wedge_deg: float) -> Conditions:
    return Conditions(3.0, [wedge_deg], NoNoise())


def test_methods_are_given_neither_the_wedge_nor_the_kept_out_tilts():
    case = conditions(60.0).measure(needle(), [0, 1], 60.0, "cpu")
    assert case.truth is None
    given, whole = set(case.given.geometry.tilt_deg), case.whole.geometry.tilt_deg
    out = {tilt for tilt, kept in zip(whole, case.kept_out.flatten().tolist(), strict=True) if kept}
    within = {tilt for tilt in whole if abs(tilt) < 60}
    assert given | out == within
    assert not given & out
    assert len(out) == round(len(within) / 10)
    assert len(case.whole.sinogram) == len(case.given.sinogram) == 2


def test_densities_are_about_one_whatever_the_detector_counts(tmp_path):
    tomogram = SIRT(20)(conditions(60.0).measure(needle(), [0], 60.0, "cpu").given)
    assert 0.3 < float(tomogram.quantile(0.99)) < 2.0


def test_what_predicts_the_series_perfectly_misses_nothing():
    case = conditions(80.0).measure(needle(), [0], 80.0, "cpu")
    tomogram = SIRT(20)(case.given)
    rows = projector_for(case.whole.geometry)(tomogram)
    exact = case._replace(whole=replace(case.whole, sinogram=rows, neighbours=None))
    found = score_series(tomogram, exact)
    assert float(found["kept_out"]) < 1e-5
    assert float(found["kept_out_in_wedge"]) < 1e-5
    worse = score_series(0.5 * tomogram, exact)
    assert float(worse["kept_out"]) == pytest.approx(0.5, abs=1e-4)
    assert float(worse["kept_out_in_wedge"]) == pytest.approx(0.5, abs=1e-4)


def test_a_wedge_that_the_series_lacks_itself_is_told():
    assert needle().gap_deg == 28.0
    with pytest.raises(InputError, match="itself lacks a wedge of 28 degrees"):
        conditions(20.0).measure(needle(), [0], 20.0, "cpu")
    with pytest.raises(InputError, match="too few tilts to keep any out"):
        conditions(170.0).measure(needle(), [0], 170.0, "cpu")


def test_slices_that_are_not_there_are_refused():
    with pytest.raises(InputError, match="has the slices 0 to 95"):
        len(needle(slices=[96]))
    assert needle(slices=None, binning=4).size == 16


def test_other_slices_have_another_fingerprint():
    assert needle().fingerprint == needle().fingerprint != needle(slices=[20, 61]).fingerprint


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("series") / "results"
    files = [f"tests.needle.{part}.series={NEEDLE}" for part in ("test", "validation")]
    files += [f"tests.needle.{part}.tilts={NEEDLE.with_suffix('.tlt')}" for part in ("test", "validation")]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose(
            "evaluate",
            [
                "experiment=beyond/evaluate_series", f"table={path}", "wedges_deg=[60]", "images=2", "tuning_images=1",
                *(f"methods.{name}=null" for name in ("tvm", "tvm_auto", "lpd", "auto")),
                "methods.sirt.tune.iterations=[2,40]", *files,
            ],
        )  # fmt: skip
    return cfg, evaluate(cfg)


def test_every_method_is_judged_by_the_tilts_that_it_is_not_given(table, capsys):
    rows = table[1].rows
    assert set(rows["method"]) == {"wbp", "sirt", "lpd_guided"}
    assert rows[["kept_out", "kept_out_in_wedge", "kept_out_noise", "residual"]].notna().all(axis=None)
    assert rows["psnr"].isna().all()
    assert rows["subject"].eq("needle").all()
    means = rows.groupby("method")["kept_out"].mean()
    assert means["lpd_guided"] < means["wbp"] / 5
    _print_summary(table[1])
    assert "kept-out tilts" in capsys.readouterr().out


def test_classical_methods_are_tuned_by_kept_out_tilts_of_other_slices(table):
    trials = pd.read_csv(f"{table[0].table}.tuning.csv").set_index("parameters")
    assert trials["kept_out"]["iterations=40"] < trials["kept_out"]["iterations=2"]
    assert torch.tensor(trials["images"].tolist()).eq(1).all()
    again = evaluate(table[0])
    pd.testing.assert_frame_equal(again.rows, table[1].rows)
