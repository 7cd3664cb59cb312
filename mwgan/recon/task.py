"""What a generator sees, and what it should give: the one answer that tells one learned model from another.

Training and use call the same object, so that what a network was trained on and what it is given later can't drift apart.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.guided import GuidedMeasurement
from mwgan.recon.wbp import WBP


class Task(Protocol):
    """A model's view of a measurement."""

    def see(self, measurement: Measurement) -> Tensor | Measurement:
        """The generator's input: (B, C, H, W), or the measurement itself for a network that knows the geometry."""
        ...

    def condition(self, seen: Any) -> Tensor:
        """What of :meth:`see` is laid beside the output, for the discriminator and for the eye (B, 1, H, W)."""
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

    def condition(self, seen: Tensor) -> Tensor:
        return seen

    def target(self, image: Tensor, measurement: Measurement) -> Tensor:
        return image

    def tomogram(self, output: Tensor, measurement: Measurement) -> Tensor:
        return output.clamp(min=0)  # a density, as SART and TVM know too; the losses see the bare output


class RestoreMeasurement:
    """For networks that hold the geometry themselves: sees the measurement, gives the image.

    Parameters
    ----------
    filter
        Window of the WBP that a discriminator is shown beside the output.
    """

    def __init__(self, filter: str = "ramp") -> None:
        self.wbp = WBP(filter)

    def see(self, measurement: Measurement) -> Measurement:
        return measurement

    def condition(self, seen: Measurement | GuidedMeasurement | Tensor) -> Tensor:
        if isinstance(seen, GuidedMeasurement):
            seen = seen.measurement
        return self.wbp(seen) if isinstance(seen, Measurement) else seen[:, :1]

    def target(self, image: Tensor, measurement: Measurement) -> Tensor:
        return image

    def tomogram(self, output: Tensor, measurement: Measurement) -> Tensor:
        return output.clamp(min=0)
