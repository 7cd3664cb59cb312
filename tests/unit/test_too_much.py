"""What would take more memory than there is, or days, is refused before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mwgan import memory
from mwgan.acquisition import NoNoise
from mwgan.data import PhantomFaces
from mwgan.data.datamodules import ImageDataModule
from mwgan.errors import InputError
from mwgan.evaluation import Conditions
from mwgan.files.weights import save_weights
from mwgan.geometry import TiltGeometry
from mwgan.recon import SIRT, load_reconstructor
from mwgan.series.simulate import simulate


def test_the_memory_of_a_container_counts(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "CGROUP_LIMITS", (limit,))
    whole = memory.machine_bytes()
    assert whole is not None
    assert whole > 2**28
    limit.write_text("max\n")
    assert memory.machine_bytes() == whole
    limit.write_text("1000000\n")
    assert memory.machine_bytes() == 1_000_000
    memory.check_fits(999_999, "two slices", "take one")
    with pytest.raises(InputError, match="two slices need 0 GB of memory or more, and this machine has 0: take one"):
        memory.check_fits(1_000_001, "two slices", "take one")


@pytest.mark.parametrize(("step_deg", "size"), [(1e-9, 64), (3.0, 1_000_000)])
def test_a_series_that_would_never_end_is_not_begun(step_deg, size, tmp_path):
    with pytest.raises(InputError, match="widen"):
        simulate("leaves", tmp_path / "s.mrc", size, 4, step_deg, 60.0, 1.0, 1.0, 0)
    assert not list(tmp_path.iterdir())


def test_neither_is_a_grid_nor_a_batch_nor_an_iteration():
    with pytest.raises(InputError, match="180,000,000,000 tilts"):
        TiltGeometry.full(8, 1e-9)
    with pytest.raises(InputError, match=r"lower data\.size or data.batch_size"):
        ImageDataModule(PhantomFaces(10**6, 8), PhantomFaces(10**6, 8), 4, 0, 0)
    with pytest.raises(InputError, match="must be 1 to 100000, not 1000000000"):
        SIRT(iterations=10**9)


@pytest.mark.parametrize("name", ["wedges_deg", "sinograms"])
def test_an_evaluation_of_nothing_is_refused(name):
    settings = {"step_deg": 6.0, "wedges_deg": [60.0], "noise": NoNoise(), "sinograms": ["missing"], name: []}
    with pytest.raises(InputError, match=f"{name} is empty, so nothing would be evaluated"):
        Conditions(**settings)


def test_weights_that_ask_for_a_network_without_end_are_refused(tmp_path):
    geometry = {"detector_size": 32, "step_deg": 6.0}
    node = {"_target_": "mwgan.recon.LearnedPrimalDual", "iterations": 10**9}
    record = {"generator": node, "task": {"_target_": "mwgan.recon.RestoreMeasurement"}, "geometry": geometry, "wedge_deg": [0, 90]}
    path = Path(tmp_path / "endless.safetensors")
    save_weights(path, {"weight": torch.zeros(3)}, record)
    with pytest.raises(InputError, match="has iterations=1000000000 in its record but only 3 weights"):
        load_reconstructor(path)
