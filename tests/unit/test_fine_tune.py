"""Networks trained further on the series that they are to reconstruct."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.data import DeadLeaves
from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.io import TiltSeries
from mwgan.recon import LearnedPrimalDual, LearnedReconstructor, load_reconstructor
from mwgan.recon.fine_tune import FineTuned, fine_tune
from mwgan.recon.held_out import errors_on, leave_out, select_held_out
from mwgan.recon.named import make_method, networks_in
from mwgan.recon.task import RestoreMeasurement
from mwgan.series.choice import make_choice
from mwgan.series.fine_tuning import fine_tune_networks, tuned_files, tuned_of
from mwgan.series.slice_grid import SliceGrid

NEEDLE = Path(__file__).parents[2] / "samples" / "needle.mrc"


def leaves(count: int = 3, size: int = 32, step_deg: float = 6.0) -> tuple[torch.Tensor, Measurement]:
    source = DeadLeaves(size, count, offset=900)
    image = torch.from_numpy(np.stack([source.image(number, np.random.default_rng(0)) for number in range(count)])).unsqueeze(1)
    measurement = Acquisition(size, step_deg, (60.0, 60.0), GaussianNoise(2.0))(image, torch.arange(count)).samples(torch.arange(count))
    return image, Measurement(measurement.sinogram, measurement.geometry.measured(60.0), measurement.geometry).only_measured()


def error(network, measurement: Measurement) -> float:
    tilts = select_held_out(measurement)
    missed = errors_on(network(leave_out(measurement, tilts)), measurement, tilts)
    return float(missed.norm() / (measurement.sinogram * tilts).norm())


def small() -> LearnedReconstructor:
    """An untrained network, nearly the total variation that it begins with."""
    torch.manual_seed(0)
    generator = LearnedPrimalDual(2, 2, 4, 4, 1, guess_iterations=20)
    return LearnedReconstructor(generator, RestoreMeasurement(), load_reconstructor("lpd_guided").record, "small")


def test_a_network_learns_from_the_tilts_alone(monkeypatch):
    monkeypatch.setattr("mwgan.recon.fine_tune.EVERY", 10)
    monkeypatch.setattr("mwgan.recon.fine_tune.RATE", 1e-2)
    network = small()
    image, measurement = leaves()
    before = {name: value.clone() for name, value in network.generator.state_dict().items()}
    looks: list[int] = []
    found = fine_tune(network, measurement, steps=30, progress=lambda step, _: looks.append(step))
    assert looks == [10, 20, 30]
    assert found.steps in looks
    assert found.before == pytest.approx(error(network, measurement), rel=1e-4)
    assert found.after == pytest.approx(error(found.network, measurement), rel=1e-4)
    assert found.after < 0.99 * found.before
    assert (found.network(measurement) - image).norm() < (network(measurement) - image).norm()
    assert all(torch.equal(value, before[name]) for name, value in network.generator.state_dict().items()), "the one given was changed"
    again = fine_tune(network, measurement, steps=30)
    assert again.after == pytest.approx(found.after, rel=1e-5), "not the same twice"


def test_tuning_that_does_not_help_is_undone(monkeypatch):
    monkeypatch.setattr("mwgan.recon.fine_tune.RATE", 3.0)  # which destroys the network
    monkeypatch.setattr("mwgan.recon.fine_tune.EVERY", 2)
    network = small()
    found = fine_tune(network, leaves()[1], steps=2)
    assert (found.network, found.steps, found.after) == (network, 0, found.before)


def unchanged(network, seen) -> FineTuned:
    return FineTuned(network, 0.1, 0.1, 0)


def test_without_tilts_to_keep_out_nothing_is_tuned():
    network = small()
    _, measurement = leaves(step_deg=20.0)
    found = fine_tune(network, measurement)
    assert found.network is network
    assert found.before != found.before


@pytest.fixture
def series() -> TiltSeries:
    return TiltSeries(NEEDLE, NEEDLE.with_suffix(".tlt"), "y", 0.25, binning=2, max_tilt_deg=50)


def test_tuned_weights_are_kept_and_not_made_again(series, tmp_path, monkeypatch):
    method, grid, output, said = make_method("lpd_guided"), SliceGrid.of(series.geometry), tmp_path / "needle.mrc", []
    monkeypatch.setattr("mwgan.recon.fine_tune.STEPS", 10)
    monkeypatch.setattr("mwgan.series.fine_tuning.fine_tune", lambda network, seen: fine_tune(network, seen, steps=1))
    first = fine_tune_networks(method, series, grid, output, "these data", say=said.append)
    (file,) = tuned_files(method, output)
    assert file.name == "needle.lpd_guided.safetensors"
    assert file.is_file()
    assert "fine-tuning on 6 slices" in said[0]
    assert "kept-out tilts" in said[1]
    (message,) = tuned_of(first)
    assert message["of"] == "lpd_guided"
    assert message["after"] <= message["before"]
    monkeypatch.setattr("mwgan.series.fine_tuning.fine_tune", lambda network, seen: pytest.fail("made again"))
    second = fine_tune_networks(method, series, grid, output, "these data")
    rows = series.sinograms(20, 21)
    measurement = Measurement(rows, torch.ones(series.geometry.tilts, dtype=torch.bool), series.geometry)
    assert torch.equal(first(measurement), second(measurement))
    with pytest.raises(pytest.fail.Exception, match="made again"):
        fine_tune_networks(method, series, grid, output, "other data")


def test_all_networks_of_a_mixture_are_tuned(series, tmp_path, monkeypatch):
    monkeypatch.setattr("mwgan.series.fine_tuning.fine_tune", unchanged)
    method, grid = make_method("auto"), SliceGrid.of(series.geometry)
    tuned = fine_tune_networks(method, series, grid, tmp_path / "needle.mrc", "these data")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["needle.lpd.safetensors", "needle.lpd_guided.safetensors"]
    assert [message["steps"] for message in tuned_of(tuned)] == [0, 0]
    assert [network.name for network in networks_in(make_choice(tuned, series, grid))][:1] == ["lpd_guided"]


def test_a_method_without_a_network_is_not_tuned(tmp_path):
    with pytest.raises(InputError, match="this method has none"):
        tuned_files(make_method("sirt"), tmp_path / "needle.mrc")


def test_a_damaged_file_in_the_place_of_tuned_weights_is_written_over(series, tmp_path, monkeypatch):
    monkeypatch.setattr("mwgan.series.fine_tuning.fine_tune", unchanged)
    method = make_method("lpd_guided")
    (file,) = tuned_files(method, tmp_path / "needle.mrc")
    file.write_bytes(b"no weights")
    tuned = fine_tune_networks(method, series, SliceGrid.of(series.geometry), tmp_path / "needle.mrc", "these data")
    assert len(tuned_of(tuned)) == 1
