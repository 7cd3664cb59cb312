"""How accurate a method's own uncertainty is: calibrated on validation images, evaluated on test images.

Only pixels inside the specimen count, in the truth or in the tomogram: empty space is no test of an uncertainty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.recon import Reconstructor
from mwgan.trust import FLOOR, Disagreement, Uncertainty, ause, calibrated_scale, contrast, coverage, rank_correlation, uncertainty_of

FAINTEST = 0.02  # of a slice's contrast: above a network's noise in empty space


@dataclass(frozen=True)
class Confidence:
    """How uncertainties are computed and evaluated.

    Parameters
    ----------
    flips, folds
        Additional reconstructions per slice: see :class:`mwgan.trust.Uncertainty`. A mixture needs none.
    floor
        Added everywhere, as a share of the slice's contrast: reconstructions that agree to the last digit may still be wrong.
    band
        The nominal probability of a band.
    """

    flips: bool = True
    folds: int = 4
    floor: float = FLOOR
    band: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.band < 1:
            raise InputError(f"band must be a probability between 0 and 1, not {self.band}")

    def calibrated(self, reconstruct: Reconstructor, image: Tensor, measurement: Measurement) -> Uncertainty | Disagreement:
        """An uncertainty whose bands contain ``band`` of the pixels of these images (B, 1, N, N)."""
        believed = uncertainty_of(reconstruct, self.flips, self.folds, floor=self.floor)(measurement)
        held = _inside(believed.tomogram, image)
        scale = calibrated_scale((believed.tomogram - image)[held], believed.deviation[held], self.band)
        return uncertainty_of(reconstruct, self.flips, self.folds, scale, self.floor)

    def evaluate(self, uncertainty: Uncertainty | Disagreement, image: Tensor, measurement: Measurement) -> Mapping[str, list[Any]]:
        """Columns of the table, one value per image: the scale, the bands' coverage, and how well errors are ranked."""
        believed = uncertainty(measurement)
        evaluated = zip(believed.tomogram - image, believed.deviation, _inside(believed.tomogram, image), strict=True)
        pixels = [(error[held][None], deviation[held][None]) for error, deviation, held in evaluated]
        return {
            "band_scale": [uncertainty.scale] * len(image),
            "coverage": [float(coverage(*pair, self.band)) for pair in pixels],
            "rank_correlation": [float(rank_correlation(*pair)) for pair in pixels],
            "ause": [float(ause(*pair)) for pair in pixels],
        }


def _inside(tomogram: Tensor, image: Tensor) -> Tensor:
    """Pixels (B, 1, N, N) inside the specimen, in the truth or the tomogram."""
    return (image > 0) | (tomogram > FAINTEST * contrast(tomogram))
