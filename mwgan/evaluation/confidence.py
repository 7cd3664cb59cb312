"""Whether a method's own uncertainty is true: calibrated on validation images, judged on test images.

Only pixels that hold something count, in the truth or in the tomogram: air that every method finds is no test of an uncertainty.
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

HELD = 0.02  # of a slice's contrast: more than a network's rounding of air


@dataclass(frozen=True)
class Confidence:
    """How uncertainties are made and what is asked of them.

    Parameters
    ----------
    flips, folds
        What a method is asked besides its plain answer: see :class:`mwgan.trust.Uncertainty`. A mixture is asked nothing.
    floor
        What is added everywhere, as a share of the slice's contrast: answers that agree to the last digit may still be wrong.
    band
        The probability that a band states.
    """

    flips: bool = True
    folds: int = 4
    floor: float = FLOOR
    band: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.band < 1:
            raise InputError(f"the band of an uncertainty is a probability between 0 and 1, not {self.band}")

    def calibrated(self, reconstruct: Reconstructor, image: Tensor, measurement: Measurement) -> Uncertainty | Disagreement:
        """An uncertainty whose bands hold ``band`` of the pixels of these images (B, 1, N, N)."""
        believed = uncertainty_of(reconstruct, self.flips, self.folds, floor=self.floor)(measurement)
        held = _held(believed.tomogram, image)
        scale = calibrated_scale((believed.tomogram - image)[held], believed.deviation[held], self.band)
        return uncertainty_of(reconstruct, self.flips, self.folds, scale, self.floor)

    def judged(self, uncertainty: Uncertainty | Disagreement, image: Tensor, measurement: Measurement) -> Mapping[str, list[Any]]:
        """Columns of the table, one value an image: the scale, how much the bands hold, and how well errors are ranked."""
        believed = uncertainty(measurement)
        judged = zip(believed.tomogram - image, believed.deviation, _held(believed.tomogram, image), strict=True)
        pixels = [(error[held][None], deviation[held][None]) for error, deviation, held in judged]
        return {
            "band_scale": [uncertainty.scale] * len(image),
            "coverage": [float(coverage(*pair, self.band)) for pair in pixels],
            "rank_correlation": [float(rank_correlation(*pair)) for pair in pixels],
            "ause": [float(ause(*pair)) for pair in pixels],
        }


def _held(tomogram: Tensor, image: Tensor) -> Tensor:
    """Pixels (B, 1, N, N) where the truth or the tomogram holds something."""
    return (image > 0) | (tomogram > HELD * contrast(tomogram))
