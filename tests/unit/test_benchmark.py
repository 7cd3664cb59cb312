from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import mwgan
from mwgan.errors import InputError
from mwgan.evaluation.benchmark import IMAGES, RECORDED, recorded_means
from mwgan.recon import SIRT, TVM, WBP, load_reconstructor

ROOT = Path(__file__).parents[2]
SWEEP = ROOT / "experiments/beyond/wedge_sweep"
METRICS = ["psnr", "ssim", "nrmse", "residual", "frc_inside"]


def run(method, images=2, sources=("faces",), wedges_deg=(60,), noise_percent=(2,), **options):
    return mwgan.benchmark(method, "mine", sources=sources, wedges_deg=wedges_deg, noise_percent=noise_percent, images=images, **options)


@pytest.fixture(scope="module")
def recorded() -> pd.DataFrame:
    return pd.read_parquet(SWEEP / "results.parquet")


def recorded_rows(recorded: pd.DataFrame, method: str, source: str, wedge_deg: float, noise_percent: float) -> pd.DataFrame:
    asked = {"method": method, "source": source, "wedge_deg": wedge_deg, "noise_percent": noise_percent}
    return recorded[(recorded[list(asked)] == pd.Series(asked)).all(axis=1)].set_index("image")[METRICS]


def tuned(method: str, source: str, wedge_deg: float, noise_percent: float) -> dict[str, str]:
    """The recorded parameters, as text."""
    tried = pd.read_csv(SWEEP / "results.tuning.csv")
    asked = {"method": method, "source": source, "wedge_deg": wedge_deg, "noise_percent": noise_percent}
    best = tried[(tried[list(asked)] == pd.Series(asked)).all(axis=1)].sort_values("psnr").iloc[-1]
    return dict(part.split("=") for part in best["parameters"].split(" "))


@pytest.mark.parametrize(
    ("method", "wedge_deg", "noise_percent"), [("wbp", 20.0, 5.0), ("sirt", 60.0, 2.0), ("lpd", 80.0, 0.0), ("lpd", 45.0, 2.0)]
)
@pytest.mark.parametrize(("source", "name"), [("faces", "phantom_faces"), ("shapes", "random_shapes")])
def test_recorded_methods_give_their_recorded_numbers(method, wedge_deg, noise_percent, source, name, recorded, tmp_path):
    chosen = {} if method == "lpd" else tuned(method, name, wedge_deg, noise_percent)
    made = {
        "wbp": lambda: WBP(chosen["filter"], float(chosen["cutoff"])),
        "sirt": lambda: SIRT(int(chosen["iterations"])),
        "lpd": lambda: load_reconstructor("lpd"),
    }[method]()
    run(made, 2, [source], [wedge_deg], [noise_percent], table=tmp_path / "results")
    found = pd.read_parquet(tmp_path / "results.parquet").set_index("image")[METRICS]
    expected = recorded_rows(recorded, method, name, wedge_deg, noise_percent).loc[found.index]
    assert (found["psnr"] - expected["psnr"]).abs().max() < 0.002
    assert (found - expected).abs()[METRICS[1:]].to_numpy().max() < 2e-4


def test_tvm_now_ends_nearer_its_minimum_than_the_recorded_one(recorded, tmp_path):
    chosen = tuned("tvm", "random_shapes", 80.0, 2.0)
    run(TVM(float(chosen["weight"])), 2, ["shapes"], [80.0], [2.0], table=tmp_path / "results")
    found = pd.read_parquet(tmp_path / "results.parquet").set_index("image")["psnr"]
    expected = recorded_rows(recorded, "tvm", "random_shapes", 80.0, 2.0)["psnr"].loc[found.index]
    assert ((found - expected) > -0.05).all()
    assert ((found - expected) < 0.6).all()


def test_the_means_stand_beside_those_recorded_for_the_same_conditions():
    table = run(WBP(), 3, ["shapes", "faces"], [60, 20], [2])
    assert list(table.columns[:7]) == ["source", "noise_percent", "wedge_deg", "method", "recorded", "data_consistency", "images"]
    own = table[~table["recorded"]]
    assert list(own["source"]) == ["random_shapes", "random_shapes", "phantom_faces", "phantom_faces"]
    assert list(own["wedge_deg"]) == [20, 60, 20, 60]
    assert (own["method"] == "mine").all()
    assert (own["images"] == 3).all()
    known = recorded_means()
    expected = known[
        known["source"].isin(["phantom_faces", "random_shapes"]) & known["wedge_deg"].isin([20, 60]) & (known["noise_percent"] == 2)
    ]
    assert len(table) == len(expected) + len(own)
    assert (table.loc[table["recorded"], "images"] == IMAGES).all()
    ranked = table.groupby(["source", "noise_percent", "wedge_deg"], sort=False)["psnr"]
    assert all(values.is_monotonic_decreasing for _, values in ranked)
    assert not table.isna().any().any()


def test_what_is_shipped_is_what_was_recorded(recorded):
    made = runpy.run_path(str(ROOT / "benchmarks/recorded_means.py"))
    assert (RECORDED / "wedge_sweep.csv").read_text() == made["means"]().to_csv(index=False, float_format="%.5g", lineterminator="\n")
    assert sum(file.stat().st_size for file in RECORDED.iterdir()) < 200_000
    known = recorded_means()
    assert len(known) == 18 * 5 * 3 * 6
    assert set(known.loc[known["data_consistency"], "method"]) == {name for name in recorded["method"].unique() if name.endswith(" + data")}
    row = known[(known[["method", "source", "noise_percent", "wedge_deg"]] == ["lpd", "brain", 2.0, 80.0]).all(axis=1)].iloc[0]
    assert abs(row["psnr"] - recorded_rows(recorded, "lpd", "brain", 80.0, 2.0)["psnr"].mean()) < 1e-3


def test_an_interrupted_benchmark_resumes_in_its_table(tmp_path):
    given = []

    def counting(measurement):
        given.append(len(measurement.sinogram))
        return WBP()(measurement)

    first = run(counting, 2, table=tmp_path / "results.csv")
    given.clear()
    again = run(counting, 2, table=tmp_path / "results")
    assert given == []
    pd.testing.assert_frame_equal(first, again)
    run(counting, 3, table=tmp_path / "results")
    assert given in ([1, 1], [1])  # one to warm up, and the image that was missing
    assert run(counting, 1, table=tmp_path / "results").loc[lambda rows: ~rows["recorded"], "images"].tolist() == [1]


def test_a_table_made_under_other_conditions_is_refused(tmp_path):
    (tmp_path / "results.conditions.json").write_text('{"step_deg": 1.0}')
    (tmp_path / "results.tuning.csv").touch()
    with pytest.raises(InputError, match=r"was made with step_deg 1.0, not 3.0"):
        run(WBP(), table=tmp_path / "results")


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (lambda given: WBP()(given)[:, 0], r"mine returns \(., 64, 64\), not a tensor \(., 1, 64, 64\): mwgan.testing.check_reconstructor"),
        (lambda given: None, "mine returns a NoneType, not a tensor"),
        (lambda given: WBP()(given) * torch.nan, "mine returns values that are not finite"),
        ("lpd", "str isn't callable"),
    ],
)
def test_a_method_that_gives_no_tomograms_is_refused(method, said):
    with pytest.raises(InputError, match=said):
        run(method)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sources": ["cats"]}, "the recorded sweep has the sources faces, brain, ct, dogs, shapes: give some of them"),
        ({"sources": []}, "give some of them"),
        ({"wedges_deg": [50]}, r"wedges_deg of 20, 30, 45, 60, 70, 80: give some of them, not \[50\]"),
        ({"wedges_deg": []}, "give some of them"),
        ({"noise_percent": [1]}, "noise_percent of 0, 2, 5"),
        ({"images": 0}, "images from 1 to 24"),
        ({"images": 25}, "images from 1 to 24"),
        ({"batch_size": 0}, "batch_size of 1 or more"),
        ({"device": "abacus"}, "there is no device 'abacus' here"),
    ],
)
def test_what_was_not_recorded_can_not_be_asked_for(asked, said):
    with pytest.raises(InputError, match=said):
        run(WBP(), **asked)


def test_measured_images_must_be_those_recorded(write_nifti, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="brain: "):
        run(WBP(), sources=["brain"], data=tmp_path)
    for subject in range(30):
        volume = np.random.default_rng(subject).normal(500, 100, (10, 10, 4)).astype(np.float32)
        write_nifti(tmp_path / "brain" / f"subject{subject}" / "scan.nii", volume)
    with pytest.raises(InputError, match="are not those of the recorded rows of brain: leave brain out"):
        run(WBP(), sources=["brain"], data=tmp_path)
    message = []
    table = run(WBP(), 1, sources=None, data=tmp_path, progress=message.append)
    assert set(table["source"]) == {"phantom_faces", "random_shapes"}
    assert any(text.startswith("skipping brain: ") for text in message)


def test_progress_names_source_noise_and_wedge():
    message = []
    run(WBP(), 1, progress=message.append)
    assert len(message) == 1
    assert message[0].startswith("phantom_faces, 2 % noise: mine at 60 degrees")


def test_the_package_offers_it_without_importing_torch():
    code = "import mwgan, sys; print('torch' in sys.modules, 'benchmark' in dir(mwgan))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False True"
    assert mwgan.benchmark.__module__ == "mwgan.evaluation.benchmark"
    with pytest.raises(AttributeError, match="module 'mwgan' has no attribute 'benchmrk'"):
        _ = mwgan.benchmrk
