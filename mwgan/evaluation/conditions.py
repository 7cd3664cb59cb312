"""How the acquisition of test images is simulated: tilt step, wedges, noise; and the simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mwgan.acquisition import Acquisition, Noise
from mwgan.data.measured_series import measured_rows
from mwgan.data.series_slices import SeriesSlices
from mwgan.data.source import ImageSource, augmented_images, draw_seed
from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon.held_out import leave_out, select_held_out
from mwgan.recon.normalized import density_scale, rescale

COMPLETE = "complete"
MISSING = "missing"


class Case(NamedTuple):
    """A batch of test images, or of slices of a series without known truth, on which methods are evaluated."""

    given: Measurement
    """The input of the methods."""
    truth: Tensor | None
    """The images (B, 1, N, N)."""
    whole: Measurement | None = None
    """For a series: the full measurement, including the kept-out tilts."""
    kept_out: Tensor | None = None
    """For a series: the kept-out tilts within the range of the given ones, boolean (1 or B, 1, A, 1)."""

    def samples(self, places: list[int]) -> Case:
        """The case with only these samples."""
        some = torch.tensor(places)
        truth = None if self.truth is None else self.truth[some]
        whole = None if self.whole is None else self.whole.samples(some)
        return self._replace(given=self.given.samples(some), truth=truth, whole=whole)


@dataclass(frozen=True)
class Conditions:
    """The simulated acquisition: the grid's tilt step, the wedges, noise, and which sinograms are reconstructed."""

    step_deg: float
    wedges_deg: Sequence[float]
    noise: Noise
    sinograms: Sequence[str] = (MISSING,)
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = set(self.sinograms) - {MISSING, COMPLETE}
        if unknown:
            raise InputError(f"sinograms are {MISSING} or {COMPLETE}, not {', '.join(sorted(unknown))}")
        for name, values in (("wedges_deg", self.wedges_deg), ("sinograms", self.sinograms)):
            if not values:
                raise InputError(f"{name} is empty, so nothing would be evaluated: give one or more")
        grid = TiltGeometry.full(8, self.step_deg)
        for wedge in self.wedges_deg:
            if not 0 <= float(wedge) < 180:
                raise InputError(f"wedges_deg contains {wedge}: a missing wedge must be in [0, 180) degrees")
            grid.measured(float(wedge))  # refuses a wedge that leaves no tilt

    def measure(self, source: ImageSource | SeriesSlices, indices: Sequence[int], missing_deg: float, device: str) -> Case:
        """Images of a source and their measurements; an image and its noise are the same in any batch."""
        if isinstance(source, SeriesSlices):
            return _kept_out(source, indices, missing_deg, device)
        seeds = [draw_seed(self.seed, 0, index) for index in indices]
        image = augmented_images(source, indices, seeds, [np.random.default_rng(seed) for seed in seeds]).to(device)
        acquisition = Acquisition(source.size, self.step_deg, (missing_deg, missing_deg), self.noise)
        rows = measured_rows(source, indices, acquisition.geometry, self.noise, seeds)
        sinogram = acquisition(image, torch.tensor(seeds)).sinogram if rows is None else rows.to(device)
        # All samples share the wedge here, so one mask lets methods skip the unmeasured rows.
        return Case(Measurement(sinogram, acquisition.geometry.measured(missing_deg), acquisition.geometry), image)


def _kept_out(source: SeriesSlices, indices: Sequence[int], missing_deg: float, device: str) -> Case:
    """Slices of a series without the tilts in a wedge, and without every tenth of the others."""
    if missing_deg < source.gap_deg:
        raise InputError(f"{source.name} itself lacks a wedge of {source.gap_deg:g} degrees: take wedges_deg of that or more")
    measured = source.measurement(indices).with_rows(lambda rows: rows.to(device))
    within = replace(measured, measured=measured.geometry.measured(missing_deg))
    tilts = select_held_out(within)
    if not bool(tilts.any()):
        raise InputError(f"{source.name} has too few tilts to keep any out with a wedge of {missing_deg:g} degrees: take narrower wedges")
    given = leave_out(within, tilts)
    scale = density_scale(given)  # from the given tilts only
    return Case(rescale(given, scale).only_measured(), None, rescale(measured, scale), tilts)
