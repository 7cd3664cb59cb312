"""Simulated acquisition: projection, missing wedge and noise; batched, on the device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for

FILLER = -1  # image_index of a padding sample in a process' last batch of held-out images, which is ignored


class Sample(NamedTuple):
    """An image before its simulated acquisition; batches stack each field."""

    image: Tensor
    """(1, N, N) float32 in [0, 1], rows along the beam; or (S, N, N) of neighbouring slices, the image the one in the middle."""
    seed: int | Tensor
    """Seed of this sample's wedge and noise."""
    image_index: int | Tensor
    """Position in the source, or FILLER."""
    leader: int | Tensor | None = None
    """Seed of what a batch shares (tilt step, size): that of its first sample over all processes; None: in this process."""

    @property
    def middle(self) -> Tensor:
        """The images (B, 1, N, N) of a batch, without their neighbours."""
        return middle_of(self.image)


def middle_of(stack: Tensor) -> Tensor:
    """The middle (B, 1, …) of neighbouring slices (B, S, …); unchanged for single slices."""
    if stack.shape[1] == 1:
        return stack
    place = stack.shape[1] // 2
    return stack[:, place : place + 1]


def leading_seed(seed: Tensor, leader: int | Tensor | None = None) -> int:
    """The seed of what a batch with seeds (B,) shares."""
    return int(torch.as_tensor(seed if leader is None else leader).flatten()[0])


class Noise(Protocol):
    """Noise on sinograms (…, A, N) of non-negative line integrals, of one level."""

    @property
    def percent(self) -> float:
        """``noise_percent`` in the results table."""
        ...

    def __call__(self, sinogram: Tensor, generator: torch.Generator) -> Tensor: ...


class NoNoise:
    """A perfect detector."""

    percent = 0.0

    def __call__(self, sinogram: Tensor, generator: torch.Generator) -> Tensor:
        return sinogram


class GaussianNoise:
    """White Gaussian noise whose standard deviation is ``percent`` of the sinogram's largest line integral.

    Parameters
    ----------
    percent
        One level, or (lowest, highest) to sample a level per sample.
    power
        Above 1, low levels are more frequent: with (0, 5) and 3, half are below 0.6.
    """

    def __init__(self, percent: float | Sequence[float], power: float = 1.0) -> None:
        if not power > 0:
            raise InputError(f"the power of the noise levels must be above 0, not {power}")
        self.power = power
        levels = [float(level) for level in percent] if isinstance(percent, Sequence) else [float(percent)] * 2
        if len(levels) != 2 or not 0 <= levels[0] <= levels[1] < math.inf:
            raise InputError(f"Gaussian noise must be a percentage of 0 or more, or a lowest and a highest one, not {percent}")
        self.low, self.high = levels

    @property
    def percent(self) -> float:
        """The level; the middle of a range."""
        return (self.low + self.high) / 2

    def __call__(self, sinogram: Tensor, generator: torch.Generator) -> Tensor:
        draw = torch.rand((), generator=generator, device=sinogram.device, dtype=sinogram.dtype)
        noise = torch.randn(sinogram.shape, generator=generator, device=sinogram.device, dtype=sinogram.dtype)
        return sinogram + (self.low + (self.high - self.low) * draw**self.power) / 100 * sinogram.amax() * noise


class PoissonNoise:
    """Poisson noise: ``dose_per_tilt`` electrons reach the brightest detector pixel of the series in one exposure."""

    def __init__(self, dose_per_tilt: float) -> None:
        if not (math.isfinite(dose_per_tilt) and dose_per_tilt > 0):
            raise InputError(f"the dose per tilt must be a number of electrons above 0, not {dose_per_tilt}")
        self.dose_per_tilt = float(dose_per_tilt)

    @property
    def percent(self) -> float:
        """Standard deviation at the brightest pixel, in percent of it."""
        return 100.0 / math.sqrt(self.dose_per_tilt)

    def __call__(self, sinogram: Tensor, generator: torch.Generator) -> Tensor:
        per_electron = sinogram.amax().clamp(min=torch.finfo(sinogram.dtype).tiny) / self.dose_per_tilt
        return torch.poisson(sinogram.clamp(min=0) / per_electron, generator=generator) * per_electron


class Acquisition:
    """Turns images into measurements: full-range projection, a random wedge per sample, and noise.

    All random numbers of a sample come from its own seed, so that they do not depend on batch, worker or rank.

    Parameters
    ----------
    detector_size, step_deg
        The full tilt grid, -90 up to +90 in steps of ``step_deg``; of several steps each batch uses a random one, by its leader.
        Images of another size than ``detector_size`` are projected onto a detector of their size.
    wedge_deg
        (lowest, highest) missing wedge in degrees, sampled uniformly; equal numbers fix it.
    noise
        :class:`NoNoise`, :class:`GaussianNoise` or :class:`PoissonNoise`.
    """

    def __init__(
        self, detector_size: int, step_deg: float | Sequence[float], wedge_deg: tuple[float, float], noise: Noise | None = None
    ) -> None:
        low, high = (float(bound) for bound in wedge_deg)
        if not 0 <= low <= high < 180:
            raise InputError(f"the wedge range must lie in [0, 180) degrees with min_deg <= max_deg, not {low:g} to {high:g}")
        steps = list(step_deg) if isinstance(step_deg, Sequence) else [step_deg]
        if not steps:
            raise InputError("an acquisition needs a tilt step or several: step_deg is empty")
        self.geometries = [TiltGeometry.full(detector_size, float(step)) for step in steps]
        for geometry in self.geometries:
            geometry.measured(high)  # a wedge that leaves no tilt is refused here, not in the middle of an epoch
        self.wedge_deg, self.noise = (low, high), noise or NoNoise()

    @property
    def geometry(self) -> TiltGeometry:
        """The grid; the first of several."""
        return self.geometries[0]

    def geometry_of(self, image: Tensor, seed: Tensor, leader: int | Tensor | None = None) -> TiltGeometry:
        """The grid for a batch of images (B, 1, N, N) with these seeds (B,) and this leader."""
        geometry = self.geometries[leading_seed(seed, leader) % len(self.geometries)]
        return geometry if image.shape[-1] == geometry.detector_size else replace(geometry, detector_size=image.shape[-1])

    @torch.no_grad()
    def __call__(self, image: Tensor, seed: Tensor, complete: Tensor | None = None, leader: int | Tensor | None = None) -> Measurement:
        """Acquire images (B, 1, N, N) with one seed each (B,): a :class:`Measurement` with a wedge per sample.

        For stacks (B, S, N, N) the middle slices are acquired, and their neighbours with the same wedge and level of noise.
        Samples for which ``complete`` (B,) is true have no missing wedge. ``leader`` is the batch's (:class:`Sample`). Seeds, leader
        and ``complete`` should be on the CPU, to avoid synchronising with a GPU. Wedges are sampled there, too, so that they are the
        same on every device; noise is sampled where it is added.
        """
        low, high = self.wedge_deg
        geometry = self.geometry_of(image, seed, leader)
        projected: Tensor = projector_for(geometry)(image.flatten(0, 1).unsqueeze(1))
        wedges, rows = [], []
        for row, sample_seed in zip(projected.reshape(*image.shape[:2], *projected.shape[2:]), seed.tolist(), strict=True):
            generator = torch.Generator().manual_seed(int(sample_seed))
            wedges.append(low + (high - low) * torch.rand((), generator=generator, dtype=torch.float64))
            if image.device.type != "cpu":
                generator = torch.Generator(device=image.device).manual_seed(int(sample_seed))
            rows.append(self.noise(row, generator))
        wedge = torch.stack(wedges)
        measured = geometry.measured(wedge if complete is None else torch.where(complete.cpu(), 0.0, wedge))
        stacks, half = torch.stack(rows), len(rows[0]) // 2
        neighbours = torch.cat([stacks[:, :half], stacks[:, half + 1 :]], dim=1) if half else None
        return Measurement(middle_of(stacks), measured, geometry, neighbours)
