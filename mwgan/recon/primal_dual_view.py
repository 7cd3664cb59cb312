"""The inputs of a primal–dual network: the measurement in the network's units, its operators, and conditioning channels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.operators import projector_for
from mwgan.recon.noise import noise_level, white_noise
from mwgan.recon.unmeasured import bridged, spanned
from mwgan.recon.wbp import WBP

CONDITIONS = 3
LEAST = 0.1  # line integrals of densities about 1, in pixels: a specimen that is smaller is not there
TYPICAL = 0.12  # of the frame's width is the line integral that drawn images typically have, which fill it


class View:
    """A measurement in a network's units, and the operators between its slices and its sinograms.

    Parameters
    ----------
    measurement
        The data (B, 1, A, N), of densities about 1.
    wbp
        Filters and back-projects.
    specimen_units
        Whether sinograms are divided by what rays typically meet in the specimen, so that the same specimen looks the same in
        any frame, or by half the frame's width.
    """

    def __init__(self, measurement: Measurement, wbp: WBP, specimen_units: bool) -> None:
        self._geometry, self._wbp, self._neighbours = measurement.geometry, wbp, measurement.neighbours
        measured = measurement.mask.expand(len(measurement.sinogram), -1, -1, -1)
        self._measured, self._within = measured, spanned(measured)
        self.mask = measured.to(measurement.sinogram.dtype)
        self._projector, self._weights = projector_for(measurement.geometry), wbp.weights(measurement)
        size = measurement.geometry.detector_size
        if specimen_units:
            noise = white_noise(measurement)
            self._thickness = typical_line_integral(measurement.sinogram * self.mask, self.mask, noise).clamp(min=LEAST)
            self._unit = 2 * TYPICAL / self._thickness
            self.sinogram, self.noise = self._unit * measurement.sinogram * self.mask, self._unit * noise
        else:
            self._unit = measurement.sinogram.new_full((1, 1, 1, 1), 2 / size)
            self.sinogram = self._unit * measurement.sinogram * self.mask
            self.noise = noise_level(self.sinogram, measured)

    def project(self, image: Tensor) -> Tensor:
        """Slices (B, 1, N, N) to the measured rows (B, 1, A, N) in the network's units."""
        projected: Tensor = self._projector(image)
        return self._unit * projected * self.mask

    def back_project(self, rows: Tensor) -> Tensor:
        """Filtered back-projection of rows (B, 1, A, N) in the network's units.

        A filter takes a row that ends for one that drops to zero: its ends are held. Holes stay, in memory they say something.
        """
        return self._wbp.back_project(bridged(rows, self._within) / self._unit, self._geometry, self._weights)

    def first(self) -> Tensor:
        """The WBP of the measurement, the holes in its rows bridged."""
        return self.back_project(bridged(self.sinogram, self._measured))

    def beside(self, count: int) -> list[Tensor]:
        """How the rows of ``count`` slices on either side differ from a slice's own, (B, 2 count, A, N): 0 where it has none."""
        if not count:
            return []
        differences = self.sinogram.new_zeros(len(self.sinogram), 2 * count, *self.sinogram.shape[2:])
        if self._neighbours is not None:
            there = self._neighbours.shape[1] // 2
            near = min(count, there)
            inner = self._neighbours[:, there - near : there + near]
            differences[:, count - near : count + near] = (self._unit * inner - self.sinogram) * self.mask
        return [differences]

    def conditions(self, like: Tensor) -> list[Tensor]:
        """What decides the task beside the noise, as constant images like (B, 1, H, W), each about 0 to 1.

        The share of the half circle that is missing, the tilts' spacing in pixels at the specimen's edge, and its size.
        """
        tilt = torch.tensor(self._geometry.tilt_deg, dtype=self.mask.dtype, device=self.mask.device).reshape(1, 1, -1, 1)
        rows = self.mask.amax(dim=3, keepdim=True)
        count = rows.sum(dim=2, keepdim=True)
        last = torch.where(rows > 0, tilt, -360.0).amax(dim=2, keepdim=True)
        first = torch.where(rows > 0, tilt, 360.0).amin(dim=2, keepdim=True)
        spacing = (last - first) / (count - 1).clamp(min=1)
        missing = (1 - (last - first + spacing) / 180).clamp(0, 1)
        at_edge = torch.log2(1 + self._thickness * spacing * math.pi / 360)
        told = (missing, at_edge / 2, torch.log2(self._thickness / 16) / 4)
        return [value.expand(len(like), 1, *like.shape[-2:]) for value in told]


def typical_line_integral(rows: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
    """Mean of the line integrals (B, 1, 1, 1), each weighted by itself: about what a ray through the specimen meets.

    Empty surroundings count nothing, however wide they are. Of rows that hold noise alone, whose sum may be 0 or below, it is
    about as much as the noise; never more than the largest.
    """
    squared = rows.double().square().sum(dim=(1, 2, 3), keepdim=True)
    rays = mask.expand_as(rows).double().sum(dim=(1, 2, 3), keepdim=True)
    least = (rays.sqrt() * noise.double()).clamp(min=torch.finfo(torch.float32).tiny)  # what noise alone adds up to
    total = torch.maximum(rows.double().sum(dim=(1, 2, 3), keepdim=True), least)
    typical = (squared - rays * noise.double().square()).clamp(min=0) / total
    return torch.minimum(typical.to(rows), rows.abs().amax(dim=(1, 2, 3), keepdim=True))
