"""Examples for networks that begin with a guess: one that is as often badly tuned as a user's specimen may make it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.recon.guided import GuidedMeasurement
from mwgan.recon.tvm import TVM
from mwgan.recon.wbp import WBP
from mwgan.training.examples import Examples, draws

HOLES = 0x401E5  # streams of draws of their own: whether some have holes, or are open, changes nothing for the others
OPEN_FIELDS = 0x0FE1D


class GuidedExamples(Examples):
    """Measurements with the generator's own kind of guess, its weight wrong by a factor, or a WBP in its place.

    So the network learns what a guess is worth, and to do without a good one.

    Parameters
    ----------
    wrong_by
        The largest factor, either way; every factor's logarithm is as likely.
    left_out
        Share of the samples that get a WBP.
    open_share
        Share of the samples that the detector sees a part of only: neighbouring pixels, ``narrowest`` of its width or more. So
        the specimen leaves the field on one side or both, as slabs do.
    narrowest
        In (0, 1]; every width from here up to the whole detector is as likely, and so is every place.
    holes
        Of half of the samples tilts are missing, each with the same chance, of up to this. A network that has seen none is
        thrown by a single one: clean images come out with four times the error, in all directions.
    """

    def __init__(
        self, wrong_by: float = 2.0, left_out: float = 0.05, open_share: float = 0.0, narrowest: float = 0.4, holes: float = 0.0
    ) -> None:
        if not (wrong_by >= 1 and 0 <= left_out <= 1):
            raise InputError(
                f"a guess is wrong by a factor of 1 or more and left out with a share in [0, 1], not {wrong_by} and {left_out}"
            )
        if not (0 <= open_share <= 1 and 0 < narrowest <= 1):
            raise InputError(f"the share of open fields lies in [0, 1] and the narrowest one in (0, 1], not {open_share} and {narrowest}")
        if not 0 <= holes < 1:
            raise InputError(f"the chance that a tilt is missing lies in [0, 1), not {holes}")
        self.wrong_by, self.left_out, self.open_share, self.narrowest, self.wbp = wrong_by, left_out, open_share, narrowest, WBP()
        self.holes = holes

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[GuidedMeasurement, Tensor]:
        """Measurements of the images (B, 1, N, N) with their guesses, and the images."""
        if not isinstance(guess := getattr(generator, "guess", None), TVM):
            raise InputError("these examples are for a network that begins with a guess (guess_iterations): choose others")
        seeds = torch.as_tensor(sample.seed)
        measurement = self._opened(self._with_holes(acquisition(sample.image, seeds, leader=sample.leader), seeds), seeds)
        left_out, wrong = draws(seeds).to(sample.image).reshape(-1, 2, 1, 1, 1).unbind(dim=1)
        made = guess(measurement, self.wrong_by ** (2 * wrong - 1))
        return GuidedMeasurement(measurement, torch.where(left_out < self.left_out, self.wbp(measurement), made)), sample.image

    def _with_holes(self, measurement: Measurement, seeds: Tensor) -> Measurement:
        """The measurement, of some of its samples without some of its tilts."""
        if self.holes == 0:
            return measurement
        has_holes, chance, *tilts = draws(seeds, HOLES, 2 + measurement.geometry.tilts).unbind(dim=1)
        kept = torch.stack(tilts, dim=1) >= torch.where(has_holes < 0.5, self.holes * chance, 0.0)[:, None]
        return Measurement(
            measurement.sinogram, measurement.mask & kept.to(measurement.mask.device)[:, None, :, None], measurement.geometry
        )

    def _opened(self, measurement: Measurement, seeds: Tensor) -> Measurement:
        """The measurement, some of its samples through a detector that is narrower than the slice."""
        if self.open_share == 0:
            return measurement
        is_open, width, place = draws(seeds, OPEN_FIELDS, 3).unbind(dim=1)
        size = measurement.geometry.detector_size
        width = torch.where(is_open < self.open_share, self.narrowest + (1 - self.narrowest) * width, 1.0).mul(size).round()
        first = ((size - width) * place).round()
        pixel = torch.arange(size)
        seen = (pixel >= first[:, None]) & (pixel < (first + width)[:, None])
        return Measurement(measurement.sinogram, measurement.mask & seen.to(measurement.mask.device)[:, None, None], measurement.geometry)
