"""How far a mixture of methods may be off: by how much its parts differ around each pixel."""

from __future__ import annotations

from typing import cast

import torch
from torch.nn.functional import avg_pool2d, pad

from mwgan.geometry import Measurement
from mwgan.recon import Auto, LearnedReconstructor, Reconstructor
from mwgan.recon.normalized import Normalized, rescale
from mwgan.trust.uncertainty import Believed, Uncertainty, contrast

AROUND_PX = 3  # single pixels agree by chance


class Disagreement:
    """What a mixture gives, and the root mean square by which its networks and TVM differ from it, over 3 x 3 pixels.

    Networks that were trained apart, and total variation, which was not trained, err in different ways: where all agree, little is left
    that only one of them believes. It takes no tomogram that the mixture doesn't take. What all get wrong alike doesn't show, so
    the deviation says how far off a tomogram is only after :func:`mwgan.trust.calibrated_scale` on images like the specimen.

    Parameters
    ----------
    reconstructor
        :class:`mwgan.recon.Auto`, scaled to the data or not.
    scale, floor
        As of :class:`mwgan.trust.Uncertainty`.
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
    """The uncertainty that suits a method: a mixture's by its parts, any other's by asking it again; parameters as of both."""
    if isinstance(_inside(reconstructor), Auto):
        return Disagreement(cast("Auto | Normalized", reconstructor), scale, floor)
    return Uncertainty([reconstructor], flips, folds, scale, floor)


def band_scale(reconstructor: Reconstructor) -> float | None:
    """What a calibration found a method's deviations must be multiplied with; None where there was none.

    A network corrected for data consistency is another method, of which nothing was found.
    """
    inside = _inside(reconstructor)
    if isinstance(inside, Auto):
        return inside.band_scale
    return inside.record.band_scale if isinstance(inside, LearnedReconstructor) else None


def _inside(reconstructor: Reconstructor) -> Reconstructor:
    """What is scaled to the data; one that is corrected for them stays as it is, it is another method."""
    return reconstructor.reconstructor if isinstance(reconstructor, Normalized) else reconstructor
