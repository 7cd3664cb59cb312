"""Surfaces between voxels, held against bodies that have formulae."""

from __future__ import annotations

import numpy as np
import pytest

from mwgan.quantify.surface import footprint_along_z, surface_of, walls, weighted_median

SIDE = 40
VOXEL = (0.5, 0.5, 0.5)


def grid(side: int = SIDE) -> np.ndarray:
    axis = np.arange(side) - (side - 1) / 2
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"))


def smeared(distance: np.ndarray) -> np.ndarray:
    """A field from signed distances in voxels: each voxel's share inside, less a half."""
    return np.clip(0.5 - distance, 0, 1) - 0.5


def ball(radius: float, middle: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    return smeared(np.linalg.norm(grid() - np.reshape(middle, (3, 1, 1, 1)), axis=0) - radius)


def box(half: tuple[float, float, float], side: int = SIDE) -> np.ndarray:
    beyond = np.abs(grid(side)) - np.reshape(half, (3, 1, 1, 1))
    return smeared(np.linalg.norm(np.maximum(beyond, 0), axis=0) + np.minimum(beyond.max(axis=0), 0))


@pytest.mark.parametrize(("radius", "within"), [(6.0, 0.02), (8.3, 0.01), (14.7, 0.01)])
def test_a_ball_has_its_volume_and_surface(radius, within):
    surface = surface_of(ball(radius, (0.3, -0.2, 0.4)), VOXEL)
    true = radius * VOXEL[0]
    assert surface.volume == pytest.approx(4 / 3 * np.pi * true**3, rel=within)
    assert surface.area == pytest.approx(4 * np.pi * true**2, rel=within)


def test_a_box_has_its_volume_and_surface_but_for_its_edges():
    half = (20.0, 12.2, 17.4)
    surface = surface_of(box(half, 48), (1.0, 1.0, 1.0))
    a, b, c = (2 * one for one in half)
    assert surface.volume == pytest.approx(a * b * c, rel=0.015)
    rounded = 0.3 * 4 * (a + b + c)  # an edge of a voxel is cut off
    assert surface.area == pytest.approx(2 * (a * b + b * c + c * a) - rounded, rel=0.015)


def test_voxels_may_be_longer_one_way():
    surface = surface_of(ball(8.0), (2.0, 0.5, 0.5))
    assert surface.volume == pytest.approx(4 / 3 * np.pi * 8**3 * 0.5, rel=0.01)
    _, second = surface.moments()
    assert np.sqrt(second[0, 0] / second[1, 1]) == pytest.approx(4.0, rel=0.01)


def test_moments_are_those_of_the_filled_body():
    middle, second = surface_of(ball(10.0, (1.5, -2.0, 0.7)), (1.0, 1.0, 1.0)).moments()
    assert middle == pytest.approx(np.array([1.5, -2.0, 0.7]) + (SIDE - 1) / 2, abs=0.02)
    assert second == pytest.approx(np.eye(3) * 10.0**2 / 5, rel=0.01, abs=0.1)


def test_a_window_lies_where_it_begins():
    field = ball(6.0)
    cut = field[10:30, 11:31, 12:32]
    whole, _ = surface_of(field, VOXEL).moments()
    part, _ = surface_of(cut, VOXEL, (10, 11, 12)).moments()
    assert part == pytest.approx(whole, abs=1e-6)


@pytest.mark.parametrize(("half", "thickness"), [((15.0, 3.1, 15.0), 6.2), ((15.0, 14.0, 2.4), 4.8)])
def test_walls_of_a_plate_are_as_thick_as_it(half, thickness):
    field = box(half)
    lengths, areas = walls(surface_of(field, VOXEL, (0, 0, 0)), field, VOXEL, (0, 0, 0))
    assert weighted_median(lengths, areas) == pytest.approx(thickness * VOXEL[0], rel=0.02)


def test_walls_of_a_shell_are_its_own():
    distance = np.linalg.norm(grid(), axis=0)
    field = np.minimum(smeared(distance - 14.0), smeared(9.5 - distance))
    lengths, areas = walls(surface_of(field, VOXEL), field, VOXEL, (0, 0, 0))
    assert weighted_median(lengths, areas) == pytest.approx(4.5 * VOXEL[0], rel=0.02)


def test_a_shadow_falls_along_the_beam():
    assert footprint_along_z(box((15.0, 3.0, 8.0)), VOXEL) == pytest.approx(30 * 16 * 0.25, rel=0.02)
    assert footprint_along_z(ball(10.0), VOXEL) == pytest.approx(np.pi * 25, rel=0.02)


@pytest.mark.parametrize(("tilts", "share"), [((-60.0, 60.0), 1 / 3), ((-90.0, 90.0), 0.0), ((-50.0, 50.0), 4 / 9), ((-70.0, 50.0), 1 / 3)])
def test_of_a_ball_the_wedge_hides_as_much_as_of_the_directions(tilts, share):
    assert surface_of(ball(12.0), VOXEL).unseen_share(tilts) == pytest.approx(share, abs=0.02)


def test_the_wedge_hides_the_faces_of_a_plate_across_the_beam_and_none_along_it():
    across = surface_of(box((15.0, 2.5, 15.0)), VOXEL).unseen_share((-70.0, 70.0))
    along = surface_of(box((15.0, 15.0, 2.5)), VOXEL).unseen_share((-70.0, 70.0))
    assert across > 0.7
    assert along < 0.2


def test_a_tilted_face_shows_at_the_tilt_that_looks_along_it():
    """At 45 degrees the normal (x, z) = (cos, -sin) is measured: so says the projector's s = x cos - z sin."""
    y, z, x = grid()
    along, across = (x - z) / np.sqrt(2), (x + z) / np.sqrt(2)
    distance = np.maximum(np.abs(along) - 2.5, np.maximum(np.abs(across) - 12, np.abs(y) - 15))
    surface = surface_of(smeared(distance), VOXEL)
    assert surface.unseen_share((-50.0, 10.0)) > 0.6
    assert surface.unseen_share((-10.0, 50.0)) < 0.4
