from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from mwgan.acquisition import Sample
from mwgan.callbacks import ImagePanels
from mwgan.callbacks.image_panels import draw_panel, draw_spectra
from mwgan.figures.parts.spectrum import log_magnitude


@pytest.fixture
def batch(faces) -> Sample:
    return Sample(faces, torch.arange(3), torch.arange(3))


def stub_trainer(epoch: int = 0, sanity_checking: bool = False, is_global_zero: bool = True) -> SimpleNamespace:
    return SimpleNamespace(current_epoch=epoch, sanity_checking=sanity_checking, is_global_zero=is_global_zero, loggers=[])


def module(sample: Sample) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return 0.25 * sample.image, 0.5 * sample.image, sample.image


def validate(panels: ImagePanels, trainer: SimpleNamespace, *batches: Sample) -> None:
    for index, batch in enumerate(batches):
        panels.on_validation_batch_start(trainer, module, batch, index)
    panels.on_validation_epoch_end(trainer, module)


def test_a_row_shows_input_output_truth_and_error_at_five_times_the_contrast(faces):
    truth = faces[:2, 0].numpy()
    figure = draw_panel(0.25 * truth, 0.9 * truth, truth, "epoch 3")
    assert len(figure.axes) == 8
    assert figure.get_suptitle() == "epoch 3"
    assert [axis.get_title() for axis in figure.axes[:4]] == ["input", "output", "truth", "error x 5"]
    for row in range(2):
        shown = [axis.images[0].get_array() for axis in figure.axes[4 * row : 4 * row + 4]]
        for picture, expected in zip(shown, (0.25 * truth[row], 0.9 * truth[row], truth[row], 0.5 * truth[row]), strict=True):
            np.testing.assert_allclose(picture, expected, atol=1e-6)
    assert {axis.images[0].get_clim() for axis in figure.axes} == {(0.0, 1.0)}


def test_spectra_stand_on_the_scale_of_the_truth(faces):
    truth = faces[:2, 0].numpy()
    figure = draw_spectra(0.1 * truth, truth, truth, "epoch 3")
    assert [axis.get_title() for axis in figure.axes[:3]] == ["input", "output", "truth"]
    for row in range(2):
        seen, output, target = (axis.images[0] for axis in figure.axes[3 * row : 3 * row + 3])
        assert seen.get_clim() == output.get_clim() == target.get_clim()
        np.testing.assert_allclose(output.get_array(), target.get_array())
        assert seen.get_array().mean() < target.get_array().mean() - 1.5  # a tenth of the amplitude, a hundredth of the power


def test_a_spectrum_shows_a_wave_at_its_frequency():
    rows = np.arange(64)[:, None] + 0 * np.arange(64)
    spectrum = log_magnitude(np.cos(2 * np.pi * 8 * rows / 64))
    peaks = {(32 - 8, 32), (32 + 8, 32)}
    assert {tuple(int(place) for place in np.unravel_index(flat, spectrum.shape)) for flat in np.argsort(spectrum, axis=None)[-2:]} == peaks


def test_spectra_of_sinograms_have_their_shape():
    sinograms = np.random.default_rng(0).random((1, 12, 20))
    axes = draw_spectra(sinograms, sinograms, sinograms, "epoch 0").axes
    assert [axis.images[0].get_array().shape for axis in axes] == [(12, 20)] * 3


def test_a_picture_is_written_after_each_epoch(batch, tmp_path):
    panels = ImagePanels(str(tmp_path / "panels"), images=2)
    for epoch in (0, 1):
        validate(panels, stub_trainer(epoch), batch)
    for folder in (tmp_path / "panels", tmp_path / "panels" / "spectra"):
        assert sorted(path.name for path in folder.glob("*.png")) == ["epoch_000.png", "epoch_001.png"]
    assert imread(tmp_path / "panels" / "epoch_000.png").std() > 0.1


def test_the_first_images_of_the_first_batch_are_shown(batch, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("mwgan.callbacks.image_panels.draw_panel", lambda *pictures: drawn.append(pictures) or draw_panel(*pictures))
    later = Sample(torch.zeros_like(batch.image), batch.seed, batch.index)
    validate(ImagePanels(str(tmp_path), images=2), stub_trainer(), batch, later)
    ((seen, tomogram, target, title),) = drawn
    np.testing.assert_array_equal(target, batch.image[:2, 0].numpy())
    np.testing.assert_array_equal(seen, 0.25 * target)
    np.testing.assert_array_equal(tomogram, 0.5 * target)
    assert title == "epoch 0"


def test_pictures_can_be_drawn_every_few_epochs(batch, tmp_path):
    panels = ImagePanels(str(tmp_path), every_n_epochs=2)
    for epoch in range(4):
        validate(panels, stub_trainer(epoch), batch)
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["epoch_000.png", "epoch_002.png"]


@pytest.mark.parametrize(
    "trainer", [stub_trainer(sanity_checking=True), stub_trainer(is_global_zero=False)], ids=["sanity check", "other rank"]
)
def test_sanity_checks_and_other_ranks_draw_nothing(trainer, batch, tmp_path):
    validate(ImagePanels(str(tmp_path)), trainer, batch)
    assert list(tmp_path.iterdir()) == []
