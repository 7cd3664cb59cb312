"""``mwgan reconstruct --tune``: a network trained on the series first, its weights beside the volume."""

from __future__ import annotations

import json

import mrcfile
import numpy as np
import pytest
import torch
from called import mwgan

from mwgan.files.weights import read_weights, save_weights
from mwgan.recon import LearnedPrimalDual

OPTIONS = {"iterations": 1, "memory": 2, "dual_width": 4, "primal_width": 4, "primal_depth": 1, "guess_iterations": 10}


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    assert mwgan("simulate", folder / "s.mrc", "--size", 24, "--slices", 4, "--step", 5).returncode == 0
    return folder / "s.mrc"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    torch.manual_seed(0)
    record = {
        "generator": {"_target_": "mwgan.recon.LearnedPrimalDual", **OPTIONS},
        "task": {"_target_": "mwgan.recon.RestoreMeasurement"},
        "geometry": {"detector_size": 64, "step_deg": 5.0},
        "wedge_deg": [0.0, 90.0],
    }
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, LearnedPrimalDual(**OPTIONS).state_dict(), record)
    return path


def test_tuned_weights_lie_beside_the_volume_and_are_weights_like_any(series, tiny, tmp_path):
    done = mwgan("reconstruct", series, "-o", tmp_path / "v.mrc", "--method", tiny, "--tune")
    assert done.returncode == 0, done.stderr
    assert "fine-tuning on 4 slices, which takes minutes" in done.stdout
    assert sorted(file.name for file in tmp_path.iterdir()) == ["v.json", "v.mrc", "v.tiny.safetensors"]
    (message,) = json.loads((tmp_path / "v.json").read_text())["tuned"]
    assert message["after"] <= message["before"]
    assert read_weights(tmp_path / "v.tiny.safetensors")[0].others["tuned"] == message
    volume = mrcfile.read(tmp_path / "v.mrc")
    again = mwgan("reconstruct", series, "-o", tmp_path / "w.mrc", "--method", tmp_path / "v.tiny.safetensors")
    assert again.returncode == 0, again.stderr
    assert np.array_equal(mrcfile.read(tmp_path / "w.mrc"), volume)


def test_a_command_that_is_given_again_does_not_tune_again(series, tiny, tmp_path):
    command = ("reconstruct", series, "-o", tmp_path / "v.mrc", "--method", tiny, "--tune")
    first, made = mwgan(*command), (tmp_path / "v.tiny.safetensors").stat().st_mtime_ns
    second = mwgan(*command)
    assert first.returncode == second.returncode == 0
    assert "which takes minutes" not in second.stdout
    assert (tmp_path / "v.tiny.safetensors").stat().st_mtime_ns == made
