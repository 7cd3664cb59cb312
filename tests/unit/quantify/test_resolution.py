"""Resolution from halves: what they agree on, by direction."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mwgan.quantify.resolution import resolution_along

SIZE = 64


def halves(finest_z: float, finest_x: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Two volumes of the same details, none finer than so many voxels along z and x, and each with noise of its own."""
    rng = np.random.default_rng(0)
    shared = np.fft.fft2(rng.normal(size=(6, SIZE, SIZE)))
    frequency = np.fft.fftfreq(SIZE)
    inside = np.hypot(frequency[:, None] * finest_z, frequency[None] * finest_x) <= 1
    signal = np.fft.ifft2(shared * inside).real
    return tuple(torch.from_numpy(signal + rng.normal(0, 0.05, signal.shape)) for _ in range(2))


@pytest.mark.parametrize(("finest_z", "finest_x"), [(4.0, 4.0), (10.0, 4.0), (4.0, 8.0)])
def test_details_are_as_fine_as_the_halves_share_them(finest_z, finest_x):
    both = halves(finest_z, finest_x)
    for direction, finest in (("z", finest_z), ("x", finest_x)):
        found = resolution_along(both, direction, 0.5)
        assert found.value == pytest.approx(finest * 0.5, rel=0.3)  # a sector reaches beyond its middle
        assert found.low <= found.value <= found.high


def test_what_agrees_everywhere_is_resolved_to_two_voxels():
    first, _ = halves(2.0, 2.0)
    assert resolution_along((first, first), "x", 0.5) == (1.0, 1.0, 1.0)


def test_halves_that_have_nothing_in_common_resolve_nothing():
    rng = np.random.default_rng(1)
    first, second = (torch.from_numpy(rng.normal(size=(40, 16, 24))) for _ in range(2))
    assert resolution_along((first, -first), "z", 1.0).value == math.inf
    assert resolution_along((first, second), "z", 1.0).value > 6
