"""Whether a method's own uncertainty is true: calibrated on validation images, judged on test images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mwgan.errors import InputError
from mwgan.evaluation.results import CONFIDENCE
from mwgan.geometry import Measurement
from mwgan.recon import Reconstructor
from mwgan.trust import Uncertainty, ause, calibrated_scale, coverage, rank_correlation


@dataclass(frozen=True)
class Confidence:
    """How uncertainties are made and what is asked of them.

    Parameters
    ----------
    flips, folds
        What a method is asked besides its plain answer: see :class:`mwgan.trust.Uncertainty`.
    floor
        What is added everywhere before the calibration, as a share of the slice's contrast: answers that agree to the
        last digit may still be wrong.
    band
        The probability that a band states.
    """

    flips: bool = True
    folds: int = 4
    floor: float = 0.005
    band: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.band < 1:
            raise InputError(f"the band of an uncertainty is a probability between 0 and 1, not {self.band}")

    def calibrated(self, reconstruct: Reconstructor, image: Tensor, measurement: Measurement) -> Uncertainty:
        """An uncertainty whose bands hold ``band`` of the pixels of these images (B, 1, N, N)."""
        believed = Uncertainty([reconstruct], self.flips, self.folds, floor=self.floor)(measurement)
        scale = calibrated_scale(believed.tomogram - image, believed.deviation, self.band)
        return Uncertainty([reconstruct], self.flips, self.folds, scale, scale * self.floor)

    def judged(self, uncertainty: Uncertainty, image: Tensor, measurement: Measurement) -> Mapping[str, list[Any]]:
        """Columns of the table, one value an image: the scale, how much the bands hold, and how well errors are ranked."""
        believed = uncertainty(measurement)
        error = believed.tomogram - image
        values = (
            [uncertainty.scale] * len(image),
            coverage(error, believed.deviation, self.band).tolist(),
            rank_correlation(error, believed.deviation).tolist(),
            ause(error, believed.deviation).tolist(),
        )
        return dict(zip(CONFIDENCE, values, strict=True))
