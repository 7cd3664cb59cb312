"""Three-dimensional specimens as a source: which slice is drawn when, and that slices, stacks and volumes are of one body."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import rotate

from mwgan.acquisition import NoNoise
from mwgan.data import DeadLeaves, Specimens
from mwgan.data.canvas import inscribed_disc
from mwgan.data.specimens import KINDS
from mwgan.errors import InputError
from mwgan.evaluation.conditions import Conditions
from mwgan.geometry import TiltGeometry
from mwgan.operators import projector_for

every_kind = pytest.mark.parametrize("kind", KINDS)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_an_image_is_decided_by_seed_and_number_alone():
    first = Specimens(64, 30, seed=3).image(17, rng(1))
    np.testing.assert_array_equal(first, Specimens(64, 30, seed=3, offset=5).image(12, rng(3)))
    assert not np.array_equal(first, Specimens(64, 30, seed=4).image(17, rng(1)))
    assert not np.array_equal(first, DeadLeaves(64, 30, seed=3).image(17, rng(1)))


def test_kinds_come_in_turn_whatever_number_is_first():
    source = Specimens(16, 24, kinds=["rods", "tubes"])
    assert [source.kind(index) for index in range(3)] == ["rods", "tubes", "rods"]
    assert Specimens(16, 24, kinds=["rods", "tubes"], offset=1).kind(0) == "tubes"
    everything = Specimens(16, 24)
    assert [everything.kind(index) for index in range(24)] == [*KINDS, *KINDS]
    np.testing.assert_array_equal(Specimens(32, 24).image(13, rng()), Specimens(32, 24, kinds=["rods"]).image(13, rng()))


@every_kind
def test_images_are_in_range_and_show_something_that_every_projection_holds(kind):
    source = Specimens(48, 60, kinds=[kind], seed=1)
    images = np.stack([source.image(index, rng()) for index in range(60)])
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 1
    assert np.all(images.max(axis=(1, 2)) > 0.05)
    assert np.median((images > 0.05).mean(axis=(1, 2))) > 0.04
    assert np.abs(images * (1 - inscribed_disc(48))).max() < 0.01


@every_kind
def test_a_stack_is_a_part_of_the_volume_and_the_image_its_middle(kind):
    source = Specimens(24, 3, kinds=[kind])
    for index in range(3):
        volume, stack, image = source.volume(index, rng()), source.stack(index, rng(), 5), source.image(index, rng())
        assert volume.shape == (24, 24, 24)
        assert stack.shape == (5, 24, 24)
        np.testing.assert_allclose(stack[2], image, atol=1e-4)
        first = int(np.abs(volume - image).sum(axis=(1, 2)).argmin()) - 2
        np.testing.assert_allclose(volume[max(first, 0) : first + 5], stack[max(-first, 0) : 24 - first], atol=1e-4)
        part = source.volume(index, rng(), slices=7)
        np.testing.assert_allclose(part, volume[(start := min(max(first - 1, 0), 17)) : start + 7], atol=1e-4)


def test_more_slices_than_the_frame_has_lie_about_its_middle():
    source = Specimens(16, 1, kinds=["grains"])
    tall = source.volume(0, rng(), slices=20)
    assert tall.shape == (20, 16, 16)
    np.testing.assert_allclose(tall[2:18], source.volume(0, rng()), atol=1e-4)


@every_kind
def test_the_finer_it_is_drawn_the_nearer_it_comes_to_the_truth(kind):
    def errors(index: int) -> list[float]:
        truth, *coarse = (Specimens(24, 6, kinds=[kind], finer=finer).image(index, rng()) for finer in (16, 1, 2, 4))
        return [float(np.sqrt(((image - truth) ** 2).mean())) for image in coarse]

    once, twice, four_times = np.mean([errors(index) for index in range(6)], axis=0)
    assert four_times < 0.7 * once
    assert four_times < twice + 1e-4
    assert four_times < 0.02


@every_kind
def test_the_same_specimen_comes_at_every_size(kind):
    fine, coarse = Specimens(96, 4, kinds=[kind]), Specimens(48, 4, kinds=[kind])
    for index in range(4):
        averaged = fine.volume(index, rng()).reshape(48, 2, 48, 2, 48, 2).mean(axis=(1, 3, 5))
        assert np.corrcoef(averaged.ravel(), coarse.volume(index, rng()).ravel())[0, 1] > 0.97


class Pose:
    """A generator of an angle and a scale."""

    def __init__(self, angle: float, scale: float) -> None:
        self.drawn = iter([angle, scale])

    def uniform(self, low: float, high: float) -> float:
        return next(self.drawn)

    def random(self) -> float:
        return 1.0


@every_kind
def test_an_augmented_volume_is_the_volume_turned_about_the_tilt_axis(kind):
    posed, plain = (Specimens(48, 2, kinds=[kind], augment=augment) for augment in (True, False))
    turned = posed.volume(1, Pose(np.pi / 2, 1.0))  # type: ignore[arg-type]
    np.testing.assert_allclose(turned, np.rot90(plain.volume(1, rng()), -1, axes=(1, 2)), atol=2e-3)
    slanted = posed.image(1, Pose(0.5, 1.0))  # type: ignore[arg-type]
    image, angle = plain.image(1, rng()), np.degrees(0.5)
    one, other = (np.corrcoef(rotate(image, way, reshape=False, order=1).ravel(), slanted.ravel())[0, 1] for way in (-angle, angle))
    assert one > 0.9
    assert one >= other


def test_a_shrunk_specimen_fills_less_in_all_three_directions():
    whole, small = (
        Specimens(48, 2, kinds=["core_shell"], augment=True, smallest=0.2).volume(0, Pose(0.0, scale))  # type: ignore[arg-type]
        for scale in (1.0, 0.5)
    )
    assert small.sum() == pytest.approx(whole.sum() / 8, rel=0.03)


def test_rows_of_a_finer_drawing_are_near_those_of_the_image_and_not_the_same():
    geometry = TiltGeometry.full(48, 5.0)
    source = Specimens(48, 12, projected_finer=3, finer=6)
    assert Specimens(48, 12).sinogram(0, geometry) is None
    for index in range(12):
        image = torch.from_numpy(source.image(index, rng()))[None, None]
        rows = torch.from_numpy(source.sinogram(index, geometry))
        off = float((projector_for(geometry)(image)[0, 0] - rows).norm() / rows.norm())
        assert 1e-4 < off < 0.06
        assert float(rows.sum()) == pytest.approx(float(image.sum()) * geometry.tilts, rel=0.01)


def test_an_evaluation_measures_those_rows():
    source = Specimens(32, 2, projected_finer=3)
    measurement = Conditions(10.0, [60.0], NoNoise()).measure(source, [1], 60.0, "cpu").given
    rows = source.sinogram(1, measurement.geometry)
    seen = measurement.measured.numpy()
    np.testing.assert_allclose(measurement.sinogram[0, 0][seen], rows[seen], atol=1e-6)
    assert rows[seen].max() > 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size": 4}, "specimens need a size of 8"),
        ({"kinds": ["rods", "cats"]}, "no specimens 'cats': choose among grains, rods"),
        ({"kinds": []}, "choose among"),
        ({"finer": 0}, "finer must be 1 or more"),
        ({"projected_finer": 3, "augment": True}, "augment=false"),
        ({"projected_finer": 0}, "whole number from 1 on"),
    ],
)
def test_what_cannot_be_drawn_is_said(wrong, said):
    with pytest.raises(InputError, match=said):
        Specimens(**wrong)
