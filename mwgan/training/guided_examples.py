"""Training pairs for networks that start from an initial guess, which may be as badly tuned as for a user's specimen."""

from __future__ import annotations

from dataclasses import replace

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
ALONE = 0xA10E


class GuidedExamples(Examples):
    """Measurements with the generator's own kind of guess, its weight off by a factor, or with a WBP instead.

    So the network learns how far to trust a guess, and to do without a good one.

    Parameters
    ----------
    wrong_by
        Largest factor, up or down; sampled log-uniformly.
    left_out
        Share of the samples that get a WBP instead.
    open_share
        Share of the samples truncated to a part of the detector: neighbouring pixels, ``narrowest`` of its width or more. The
        specimen then leaves the field of view on one side or both, as slabs do.
    narrowest
        In (0, 1]; width, from this to the full detector, and position are sampled uniformly.
    holes
        Half of the samples lack tilts, each tilt with the same probability of up to this. A network trained without missing
        tilts is thrown off by a single one: clean images come out with four times the error, in all directions.
    alone_share
        Of stacks of neighbouring slices: share given as the middle slice alone; half as many lack the neighbours of one side.
    """

    def __init__(
        self,
        wrong_by: float = 2.0,
        left_out: float = 0.05,
        open_share: float = 0.0,
        narrowest: float = 0.4,
        holes: float = 0.0,
        alone_share: float = 0.25,
    ) -> None:
        if not (wrong_by >= 1 and 0 <= left_out <= 1):
            raise InputError(f"wrong_by must be 1 or more and left_out in [0, 1], not {wrong_by} and {left_out}")
        if not (0 <= open_share <= 1 and 0 < narrowest <= 1):
            raise InputError(f"open_share must be in [0, 1] and narrowest in (0, 1], not {open_share} and {narrowest}")
        if not 0 <= holes < 1:
            raise InputError(f"holes must be in [0, 1), not {holes}")
        self.wrong_by, self.left_out, self.open_share, self.narrowest, self.wbp = wrong_by, left_out, open_share, narrowest, WBP()
        if not 0 <= alone_share <= 1:
            raise InputError(f"alone_share must be in [0, 1], not {alone_share}")
        self.holes, self.alone_share = holes, alone_share

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[GuidedMeasurement, Tensor]:
        """Measurements, with guesses, of images (B, 1, N, N) or of the middle slices of stacks (B, S, N, N), and these images."""
        if not isinstance(guess := getattr(generator, "guess", None), TVM):
            raise InputError("these examples are for a network that starts from a guess (guess_iterations): choose others")
        seeds = torch.as_tensor(sample.seed)
        measured = self._alone(acquisition(sample.image, seeds, leader=sample.leader), seeds)
        measurement = self._opened(self._with_holes(measured, seeds), seeds)
        left_out, wrong = draws(seeds).to(sample.image).reshape(-1, 2, 1, 1, 1).unbind(dim=1)
        made = guess(measurement, self.wrong_by ** (2 * wrong - 1))
        return GuidedMeasurement(measurement, torch.where(left_out < self.left_out, self.wbp(measurement), made)), sample.middle

    def _with_holes(self, measurement: Measurement, seeds: Tensor) -> Measurement:
        """The measurement, with some tilts removed from some samples."""
        if self.holes == 0:
            return measurement
        has_holes, chance, *tilts = draws(seeds, HOLES, 2 + measurement.geometry.tilts).unbind(dim=1)
        kept = torch.stack(tilts, dim=1) >= torch.where(has_holes < 0.5, self.holes * chance, 0.0)[:, None]
        return replace(measurement, measured=measurement.mask & kept.to(measurement.mask.device)[:, None, :, None])

    def _alone(self, measurement: Measurement, seeds: Tensor) -> Measurement:
        """The measurement, with the neighbours of some samples removed on both sides, or on one as at the ends of a volume."""
        if measurement.neighbours is None:
            return measurement
        chance, side = draws(seeds, ALONE, 2).to(measurement.sinogram.device).unbind(dim=1)
        after = torch.arange(2, device=side.device).repeat_interleave(measurement.neighbours.shape[1] // 2) > 0
        one_sided = (chance < 1.5 * self.alone_share)[:, None] & (after == (side < 0.5)[:, None])
        lacking = (chance < self.alone_share)[:, None] | one_sided
        return replace(measurement, neighbours=torch.where(lacking[:, :, None, None], measurement.sinogram, measurement.neighbours))

    def _opened(self, measurement: Measurement, seeds: Tensor) -> Measurement:
        """The measurement, some samples cut to a detector narrower than the slice."""
        if self.open_share == 0:
            return measurement
        is_open, width, place = draws(seeds, OPEN_FIELDS, 3).unbind(dim=1)
        size = measurement.geometry.detector_size
        width = torch.where(is_open < self.open_share, self.narrowest + (1 - self.narrowest) * width, 1.0).mul(size).round()
        first = ((size - width) * place).round()
        pixel = torch.arange(size)
        seen = (pixel >= first[:, None]) & (pixel < (first + width)[:, None])
        return replace(measurement, measured=measurement.mask & seen.to(measurement.mask.device)[:, None, None])
