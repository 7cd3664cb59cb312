"""What a generator sees, and what it should give: the one answer that tells one learned model from another.

Training and use call the same object, so that what a network was trained on and what it is given later can't drift apart.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.wbp import WBP


class Task(Protocol):
    """A model's view of a measurement."""

    def see(self, measurement: Measurement) -> Tensor:
        """The generator's input (B, C, H, W)."""
        ...

    def target(self, image: Tensor, measurement: Measurement) -> Tensor:
        """What the generator should give for it (B, 1, H, W)."""
        ...

    def tomogram(self, output: Tensor, measurement: Measurement) -> Tensor:
        """The generator's output as tomograms (B, 1, N, N)."""
        ...


class RestoreWBP:
    """IRDM 2020: sees the WBP of the measurement, gives the image.

    Parameters
    ----------
    filter
        Window of the WBP; the paper doesn't name one, the bare ramp is our choice.
    """

    def __init__(self, filter: str = "ramp") -> None:
        self.wbp = WBP(filter)

    def see(self, measurement: Measurement) -> Tensor:
        return self.wbp(measurement)

    def target(self, image: Tensor, measurement: Measurement) -> Tensor:
        return image

    def tomogram(self, output: Tensor, measurement: Measurement) -> Tensor:
        return output.clamp(min=0)  # a density, as SART and TVM know too; the losses see the bare output
