"""Input and target of a generator, which distinguish one learned model from another.

Training and inference call the same object, so that their inputs can't diverge.
"""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.guided import GuidedMeasurement
from mwgan.recon.wbp import WBP


class Task(Protocol):
    """How a model takes a measurement and returns a tomogram."""

    def see(self, measurement: Measurement) -> Tensor | Measurement:
        """The generator's input: (B, C, H, W), or the measurement itself for a network with projections inside."""
        ...

    def condition(self, seen: Any) -> Tensor:
        """Image (B, 1, H, W) made from the output of :meth:`see`, for the discriminator and for logged images."""
        ...

    def target(self, image: Tensor, measurement: Measurement) -> Tensor:
        """The output that the generator is trained to give (B, 1, H, W)."""
        ...

    def tomogram(self, output: Tensor, measurement: Measurement) -> Tensor:
        """The generator's output as tomograms (B, 1, N, N)."""
        ...


class RestoreWBP:
    """IRDM 2020: from the WBP of the measurement to the image.

    Parameters
    ----------
    filter
        Window of the WBP; the paper names none, the plain ramp is our choice.
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
        return output.clamp(min=0)  # non-negative densities, as in SART and TVM; losses use the output without it


class RestoreMeasurement:
    """For networks with projections inside: from the measurement to the image.

    Parameters
    ----------
    filter
        Window of the WBP for the discriminator.
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
