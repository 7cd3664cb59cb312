"""Examples for networks that begin with a guess: one that is as often badly tuned as a user's specimen may make it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.recon.guided import GuidedMeasurement
from mwgan.recon.tvm import TVM
from mwgan.recon.wbp import WBP
from mwgan.training.examples import Examples, draws


class GuidedExamples(Examples):
    """Measurements with the generator's own kind of guess, its weight wrong by a factor, or a WBP in its place.

    So the network learns what a guess is worth, and to do without a good one.

    Parameters
    ----------
    wrong_by
        The largest factor, either way; every factor's logarithm is as likely.
    left_out
        Share of the samples that get a WBP.
    """

    def __init__(self, wrong_by: float = 2.0, left_out: float = 0.05) -> None:
        if not (wrong_by >= 1 and 0 <= left_out <= 1):
            raise InputError(
                f"a guess is wrong by a factor of 1 or more and left out with a share in [0, 1], not {wrong_by} and {left_out}"
            )
        self.wrong_by, self.left_out, self.wbp = wrong_by, left_out, WBP()

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[GuidedMeasurement, Tensor]:
        """Measurements of the images (B, 1, N, N) with their guesses, and the images."""
        if not isinstance(guess := getattr(generator, "guess", None), TVM):
            raise InputError("these examples are for a network that begins with a guess (guess_iterations): choose others")
        seeds = torch.as_tensor(sample.seed)
        measurement = acquisition(sample.image, seeds, leader=sample.leader)
        left_out, wrong = draws(seeds).to(sample.image).reshape(-1, 2, 1, 1, 1).unbind(dim=1)
        made = guess(measurement, self.wrong_by ** (2 * wrong - 1))
        return GuidedMeasurement(measurement, torch.where(left_out < self.left_out, self.wbp(measurement), made)), sample.image
