"""The uncertainty of a mixture of methods, from the local differences of its parts."""

from __future__ import annotations

from typing import cast

import torch
from torch.nn.functional import avg_pool2d, pad

from mwgan.geometry import Measurement
from mwgan.recon import Auto, LearnedReconstructor, Reconstructor
from mwgan.recon.normalized import Normalized, rescale
from mwgan.trust.uncertainty import Believed, Uncertainty, contrast

AROUND_PX = 3  # window, as single pixels agree by chance


class Disagreement:
    """The result of a mixture, and the RMS difference of its networks and TVM from it, over 3 x 3 pixels.

    Independently trained networks, and total variation, which is not trained, err in different ways: where all agree, structures made
    up by only one of them are unlikely. It needs no tomograms besides those of the mixture. Common errors don't show, so
    the deviation is a measure of the error only after :func:`mwgan.trust.calibrated_scale` on images like the specimen.

    Parameters
    ----------
    reconstructor
        :class:`mwgan.recon.Auto`, scaled to the data or not.
    scale, floor
        As for :class:`mwgan.trust.Uncertainty`.
    """

    def __init__(self, reconstructor: Auto | Normalized, scale: float = 1.0, floor: float = 0.0) -> None:
        self._normalized = reconstructor if isinstance(reconstructor, Normalized) else None
        self._auto = cast(Auto, _inside(reconstructor))
        self.scale, self.floor = scale, floor

    @torch.no_grad()
    def __call__(self, measurement: Measurement) -> Believed:
        """Tomograms (B, 1, N, N) of a measurement, and their deviations."""
        unit = measurement.sinogram.new_ones(1, 1, 1, 1)
        if self._normalized is not None:
            unit = self._normalized.scale(measurement)
            measurement = rescale(measurement, unit)
        tomogram, parts = self._auto.with_parts(measurement)
        squares = (parts - tomogram).square().mean(dim=1, keepdim=True)
        around = avg_pool2d(pad(squares, (AROUND_PX // 2,) * 4, mode="replicate"), AROUND_PX, stride=1).sqrt()
        return Believed(tomogram * unit, (around + self.floor * contrast(tomogram)) * self.scale * unit)


def uncertainty_of(
    reconstructor: Reconstructor, flips: bool = True, folds: int = 4, scale: float = 1.0, floor: float = 0.0
) -> Uncertainty | Disagreement:
    """The uncertainty for a method: from the parts of a mixture, else from repeated reconstructions; parameters as for both."""
    if isinstance(_inside(reconstructor), Auto):
        return Disagreement(cast("Auto | Normalized", reconstructor), scale, floor)
    return Uncertainty([reconstructor], flips, folds, scale, floor)


def band_scale(reconstructor: Reconstructor) -> float | None:
    """The calibration factor of a method's deviations; None if it isn't calibrated.

    A network corrected for data consistency is another method, which isn't calibrated.
    """
    inside = _inside(reconstructor)
    if isinstance(inside, Auto):
        return inside.band_scale
    return inside.record.band_scale if isinstance(inside, LearnedReconstructor) else None


def _inside(reconstructor: Reconstructor) -> Reconstructor:
    """The method inside the scaling to the data; one corrected for data consistency is another method and returned unchanged."""
    return reconstructor.reconstructor if isinstance(reconstructor, Normalized) else reconstructor
