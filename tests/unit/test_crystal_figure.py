"""Surfaces in three dimensions, and the spectrum of a crystal."""

from __future__ import annotations

import numpy as np
import pytest

from mwgan.figures.crystal import Spot, central_spectrum, crystal_figure
from mwgan.figures.parts.isosurface import isosurface


def ball(size=24, radius=6.0, middle=(0.0, 0.0, 0.0)):
    y, z, x = np.meshgrid(*[np.arange(size) - (size - 1) / 2] * 3, indexing="ij")
    out = np.sqrt((x - middle[0]) ** 2 + (y - middle[1]) ** 2 + (z - middle[2]) ** 2)
    return np.clip(radius + 0.5 - out, 0, 1).astype(np.float32)


def test_a_ball_is_a_disc_lit_from_the_upper_left():
    picture = isosurface(ball(), 0.5, np.eye(3), pixels=60)
    reach = 0.6 * 24
    solid = picture[..., 3] > 0
    assert solid.sum() * (2 * reach / 59) ** 2 == pytest.approx(np.pi * 6**2, rel=0.05)
    upper_left, lower_right = picture[24, 24, 0], picture[36, 36, 0]
    assert upper_left > 1.5 * lower_right
    assert (picture[~solid] == 0).all()


@pytest.mark.parametrize(
    ("turn", "row", "column"),
    [
        (np.eye(3), 0.0, 5.0),  # x to the right, y downwards, z away
        (np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]]), 5.0, 0.0),
        (np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]]), 0.0, 0.0),  # along x
    ],
)
def test_directions_are_those_of_the_turn(turn, row, column):
    solid = isosurface(ball(radius=3.0, middle=(5.0, 0.0, 0.0)), 0.5, turn.astype(float), pixels=61)[..., 3] > 0
    rows, columns = (np.argwhere(solid).mean(axis=0) - 30) * 2 * 0.6 * 24 / 60
    assert (rows, columns) == pytest.approx((row, column), abs=0.3)


def test_an_empty_volume_is_an_empty_picture():
    assert isosurface(np.zeros((8, 8, 8), np.float32), 0.5, np.eye(3), pixels=10).max() == 0


def test_the_spectrum_has_a_wave_where_it_lies():
    x = np.arange(40)
    volume = np.broadcast_to(1 + np.cos(2 * np.pi * 0.2 * x), (10, 40, 40)).astype(np.float32)  # along x, in 5 voxels
    power = central_spectrum(volume)
    assert power.shape == (40, 40)
    ranked = np.argsort(power.ravel())[::-1][:3]
    assert {tuple(place - 20 for place in np.unravel_index(one, power.shape)) for one in ranked} == {(0, 0), (0, 8), (0, -8)}


def test_a_column_a_volume_with_its_spots_marked():
    volumes = {"truth": ball(), "WBP": ball(radius=5.0)}
    spots = [Spot(0.5, 0.0, False), Spot(0.0, 0.5, True)]
    figure = crystal_figure(volumes, 0.3, (-60, 60), spots, {"WBP": "1 of 2"})
    assert [axis.get_title() for axis in figure.axes[:2]] == ["truth", "WBP"]
    assert figure.axes[3].get_xlabel() == "1 of 2"
    circles = figure.axes[2].patches
    assert [circle.center for circle in circles] == [(0.5, 0.0), (0.0, 0.5)]
    assert circles[0].get_edgecolor() != circles[1].get_edgecolor()
