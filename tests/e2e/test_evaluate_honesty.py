"""mwgan-evaluate where it asks for more than quality: fidelity to the data, honesty, and what networks say of their errors."""

from __future__ import annotations

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from mwgan.cli.evaluate import evaluate
from mwgan.errors import InputError
from mwgan.paths import conf_dir

QUICK = (
    "step_deg=6",
    "kept_images=0",
    "methods.sart=null",
    "methods.tvm.tune.weight=[0.02,0.05]",
    "methods.tvm.reconstructor.iterations=60",
)


def _evaluate(folder, *overrides):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return evaluate(compose("evaluate", [*QUICK, f"table={folder}/results", *overrides])).rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("honesty")


@pytest.fixture(scope="module")
def rows(folder):
    asked = (
        "data=challenge", "wedges_deg=[0,60]", "images=6", "tuning_images=6", "+method@methods.tvm_directional=tvm_directional",
        "methods.tvm_directional.tune.direction_weights=[[1,1],[0.5,2]]", "methods.tvm_directional.reconstructor.iterations=60",
        "data_consistency=[0.05,0.5]", "checkpoints={net: irdm}", "uncertainty=flips_and_folds", "uncertainty.folds=2",
    )  # fmt: skip
    _evaluate(folder, *asked, "noise.percent=0")
    return _evaluate(folder, *asked, "noise.percent=2")


def test_a_table_holds_several_noise_levels_and_every_method_with_and_without_data_consistency(rows):
    methods = [name for method in ("wbp", "tvm", "tvm_directional", "net") for name in (method, f"{method} + data")]
    assert rows.groupby(["method", "noise_percent", "wedge_deg"]).size().to_dict() == {
        (method, noise, wedge): 6 for method in methods for noise in (0.0, 2.0) for wedge in (0.0, 60.0)
    }


def test_another_noise_of_the_same_level_is_refused(rows, folder):
    with pytest.raises(InputError, match="noise of 2 %"):
        _evaluate(
            folder, "data=challenge", "images=6", "tuning_images=6", "wedges_deg=[60]", "noise._target_=mwgan.acquisition.PoissonNoise",
            "~noise.percent", "+noise.dose_per_tilt=2500",
        )  # fmt: skip


def test_the_truth_leaves_the_noise_of_the_data_and_consistency_brings_networks_nearer_to_it(rows):
    truth = rows[rows["method"] == "wbp"].groupby("noise_percent")["residual_of_truth"].mean()
    assert truth[0.0] < 1e-5
    assert 0.02 < truth[2.0] < 0.08
    residual = rows[rows["noise_percent"] == 0].groupby("method")["residual"].mean()
    assert residual["net + data"] < 0.7 * residual["net"]


def test_data_consistency_leaves_the_missing_wedge_as_it_was(rows):
    inside = rows[(rows["wedge_deg"] == 60) & (rows["noise_percent"] == 0)].groupby("method")["frc_inside"].mean()
    assert inside["net + data"] == pytest.approx(inside["net"], abs=0.06)
    assert rows.loc[rows["wedge_deg"] == 0, "frc_inside"].isna().all()


def test_the_base_of_a_method_is_tuned_first_and_kept(rows, folder):
    trials = pd.read_csv(folder / "results.tuning.csv")
    of = trials[(trials["wedge_deg"] == 60) & (trials["noise_percent"] == 2)].groupby("method")
    assert of.size().to_dict() == {
        "wbp": 12, "tvm": 2, "tvm_directional": 2, "wbp + data": 2, "tvm + data": 2, "tvm_directional + data": 2, "net + data": 2,
    }  # fmt: skip


def test_a_method_that_goes_on_from_another_needs_it(tmp_path):
    alone = ("+method@methods.tvm_directional=tvm_directional", "methods.tvm_directional.after=sirt")
    with pytest.raises(InputError, match=r"add methods\.sirt"):
        _evaluate(tmp_path, "data=challenge", "images=6", "tuning_images=6", *alone)


def test_features_are_lost_and_made_up_and_a_body_without_any_loses_none(rows):
    featureless = rows["subject"].str.startswith("nothing")
    assert rows.loc[featureless, "omission"].isna().all()
    assert rows.loc[~featureless, "omission"].between(0, 1).all()
    assert rows["hallucination"].between(0, 1).all()
    lost = rows[rows["noise_percent"] == 0].groupby(["method", "wedge_deg"])["omission"].mean()
    assert lost["wbp", 60.0] > lost["wbp", 0.0]


def test_networks_alone_are_asked_for_their_uncertainty_and_it_holds_on_images_like_those_of_its_calibration(rows):
    asked = rows["method"].str.startswith("net")
    assert rows.loc[~asked, ["band_scale", "coverage", "rank_correlation", "ause"]].isna().all(axis=None)
    assert rows.loc[asked, "band_scale"].gt(0).all()
    assert rows.loc[asked, "coverage"].mean() == pytest.approx(0.9, abs=0.06)
    assert rows.loc[asked, "rank_correlation"].mean() > 0.2


def test_a_measured_source_is_reconstructed_from_its_own_rows(tmp_path):
    rows = _evaluate(
        tmp_path, "tests=tooth", "data.size=64", "images=2", "tuning_images=2", "wedges_deg=[0,60]", "noise.percent=0", "methods.tvm=null"
    )
    assert rows["residual_of_truth"].between(0.005, 0.04).all()  # no projection of the truth, which would leave nothing
    assert rows[rows["wedge_deg"] == 0]["psnr"].min() > rows[rows["wedge_deg"] == 60]["psnr"].max()
