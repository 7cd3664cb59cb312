"""The trust panel draws each picture on the scale that it promises, and the wedge where the tilts leave it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mwgan.figures import trust_panel


def panel(wedges_deg, noise: float = 2.0):
    generator = np.random.default_rng(0)
    slices = generator.random((3, 32, 32), dtype=np.float32)
    residual = noise * generator.standard_normal((11, 32)).astype(np.float32)
    return trust_panel(
        slices[0], slices[1] - 0.5, residual, noise, 0.02 * slices[2], 1.0, np.linspace(-50.0, 50.0, 11).tolist(), wedges_deg
    )


def test_every_picture_has_its_scale():
    tomogram, added, spectrum, residual, uncertainty = panel([(50.0, 130.0)]).axes[:5]
    assert tomogram.images[0].get_clim()[0] == 0
    assert added.images[0].get_clim()[1] == -added.images[0].get_clim()[0]
    assert residual.images[0].get_clim() == (-4.0, 4.0)  # white noise stays within
    assert [tick.get_text() for tick in residual.get_yticklabels()][:: len(residual.get_yticklabels()) - 1] == ["-50°", "50°"]
    assert uncertainty.images[0].get_clim()[1] == pytest.approx(2.0, rel=0.05)
    assert len(spectrum.lines) == 2


def test_the_wedge_is_drawn_along_the_tilts_at_its_edges():
    spectrum = panel([(30.0, 110.0)]).axes[2]
    directions = set()
    for line in spectrum.lines:
        (x, other_x), (z, other_z) = line.get_data()
        directions.add(round(math.degrees(math.atan2(-(other_z - z), other_x - x)) % 180.0))
    assert directions == {30, 110}
    assert not panel([]).axes[2].lines


def test_a_slice_without_anything_is_drawn_all_the_same():
    figure = trust_panel(*np.zeros((2, 16, 16)), np.zeros((3, 16)), 0.0, np.zeros((16, 16)), 0.0, (-1.0, 0.0, 1.0), [])
    figure.canvas.draw()
