"""Residuals of tomograms on kept-out tilts, and the noise there."""

from __future__ import annotations

from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.held_out import errors_on
from mwgan.trust.residual import energy, noise_deviation


def missed_on(tilts: Tensor, measurement: Measurement, *tomograms: Tensor) -> tuple[Tensor, ...]:
    """Sums of squares (B,) on kept-out tilts: of the data, of their noise, and of each tomogram's residual.

    Parameters
    ----------
    tilts
        The kept-out tilts, as from :func:`mwgan.recon.held_out.select_held_out`.
    measurement
        The data, these tilts included.
    tomograms
        (B, 1, N, N), made without them.
    """
    rays = (measurement.mask & tilts).expand_as(measurement.sinogram).sum(dim=(1, 2, 3))
    noise = noise_deviation(measurement).flatten().double().square() * rays
    missed = (energy(errors_on(tomogram, measurement, tilts)) for tomogram in tomograms)
    return energy(measurement.sinogram * tilts), noise, *missed
