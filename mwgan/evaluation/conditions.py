"""How test images are measured: tilt step, wedges, noise; and the measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mwgan.acquisition import Acquisition, Noise
from mwgan.data.measured_series import measured_rows
from mwgan.data.source import ImageSource, draw_seed, drawn_images
from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry

COMPLETE = "complete"
MISSING = "missing"


@dataclass(frozen=True)
class Conditions:
    """How the images are measured: the grid's tilt step, the wedges, noise, and which sinograms are reconstructed."""

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
                raise InputError(f"{name} is empty, and nothing would be evaluated: name one or more")
        grid = TiltGeometry.full(8, self.step_deg)
        for wedge in self.wedges_deg:
            if not 0 <= float(wedge) < 180:
                raise InputError(f"wedges_deg holds {wedge}: a missing wedge lies in [0, 180) degrees")
            grid.measured(float(wedge))  # which refuses one that leaves no tilt

    def measure(self, source: ImageSource, indices: Sequence[int], missing_deg: float, device: str) -> tuple[Tensor, Measurement]:
        """Images (B, 1, N, N) of a source and what is measured of them; an image and its noise are the same in any batch."""
        seeds = [draw_seed(self.seed, 0, index) for index in indices]
        image = drawn_images(source, indices, seeds, [np.random.default_rng(seed) for seed in seeds]).to(device)
        acquisition = Acquisition(source.size, self.step_deg, (missing_deg, missing_deg), self.noise)
        rows = measured_rows(source, indices, acquisition.geometry, self.noise, seeds)
        sinogram = acquisition(image, torch.tensor(seeds)).sinogram if rows is None else rows.to(device)
        # All samples share the wedge here: saying so lets methods leave out the rows that nobody measured.
        return image, Measurement(sinogram, acquisition.geometry.measured(missing_deg), acquisition.geometry)
