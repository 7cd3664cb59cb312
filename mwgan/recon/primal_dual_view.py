"""The inputs of a primal–dual network: the measurement in the network's units, its operators, and conditioning channels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.operators import projector_for
from mwgan.recon.noise import noise_level, white_noise
from mwgan.recon.unmeasured import between_measured, bridge_gaps
from mwgan.recon.wbp import WBP

CONDITIONS = 3
LEAST = 0.1  # smallest thickness of a specimen, as a line integral of densities about 1, in pixels
TYPICAL = 0.12  # typical line integral of synthetic images, which fill the frame, as a share of its width


class View:
    """A measurement in a network's units, and the operators between its slices and its sinograms.

    Parameters
    ----------
    measurement
        The data (B, 1, A, N), of densities about 1.
    wbp
        For the filtered back-projection.
    specimen_units
        Whether sinograms are divided by the specimen's typical line integral, so that a specimen looks the same in any frame, or
        by half the frame's width.
    """

    def __init__(self, measurement: Measurement, wbp: WBP, specimen_units: bool) -> None:
        self._geometry, self._wbp, self._neighbours = measurement.geometry, wbp, measurement.neighbours
        measured = measurement.mask.expand(len(measurement.sinogram), -1, -1, -1)
        self._measured, self._within = measured, between_measured(measured)
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
        """Project slices (B, 1, N, N) to the measured rows (B, 1, A, N) in the network's units."""
        projected: Tensor = self._projector(image)
        return self._unit * projected * self.mask

    def back_project(self, rows: Tensor) -> Tensor:
        """Filtered back-projection of rows (B, 1, A, N) in the network's units.

        The end values of a row are continued: to a filter its end would be a step to zero. Gaps within a row keep their values.
        """
        return self._wbp.back_project(bridge_gaps(rows, self._within) / self._unit, self._geometry, self._weights)

    def initial(self) -> Tensor:
        """The WBP of the measurement, with the gaps in its rows interpolated."""
        return self.back_project(bridge_gaps(self.sinogram, self._measured))

    def neighbour_differences(self, count: int) -> list[Tensor]:
        """Rows of ``count`` slices on either side minus the slice's own, (B, 2 count, A, N); 0 where there is no slice."""
        if not count:
            return []
        differences = self.sinogram.new_zeros(len(self.sinogram), 2 * count, *self.sinogram.shape[2:])
        if self._neighbours is not None:
            given = self._neighbours.shape[1] // 2
            near = min(count, given)
            inner = self._neighbours[:, given - near : given + near]
            differences[:, count - near : count + near] = (self._unit * inner - self.sinogram) * self.mask
        return [differences]

    def conditions(self, like: Tensor) -> list[Tensor]:
        """Constant images of the shape of ``like`` (B, 1, H, W) that describe the data (without the noise), each about 0 to 1.

        The missing share of the half circle, the tilt step in pixels at the specimen's edge, and the specimen's size.
        """
        tilt = torch.tensor(self._geometry.tilt_deg, dtype=self.mask.dtype, device=self.mask.device).reshape(1, 1, -1, 1)
        rows = self.mask.amax(dim=3, keepdim=True)
        count = rows.sum(dim=2, keepdim=True)
        last = torch.where(rows > 0, tilt, -360.0).amax(dim=2, keepdim=True)
        first = torch.where(rows > 0, tilt, 360.0).amin(dim=2, keepdim=True)
        spacing = (last - first) / (count - 1).clamp(min=1)
        missing = (1 - (last - first + spacing) / 180).clamp(0, 1)
        at_edge = torch.log2(1 + self._thickness * spacing * math.pi / 360)
        values = (missing, at_edge / 2, torch.log2(self._thickness / 16) / 4)
        return [value.expand(len(like), 1, *like.shape[-2:]) for value in values]


def typical_line_integral(rows: Tensor, mask: Tensor, noise: Tensor) -> Tensor:
    """Mean of the line integrals (B, 1, 1, 1), each weighted by itself: that of a typical ray through the specimen.

    Empty surroundings have no weight, however wide they are. For rows of noise alone, whose sum may be 0 or negative, the result is
    about the noise level; it never exceeds the largest line integral.
    """
    squared = rows.double().square().sum(dim=(1, 2, 3), keepdim=True)
    rays = mask.expand_as(rows).double().sum(dim=(1, 2, 3), keepdim=True)
    least = (rays.sqrt() * noise.double()).clamp(min=torch.finfo(torch.float32).tiny)  # sum of noise alone
    total = torch.maximum(rows.double().sum(dim=(1, 2, 3), keepdim=True), least)
    typical = (squared - rays * noise.double().square()).clamp(min=0) / total
    return torch.minimum(typical.to(rows), rows.abs().amax(dim=(1, 2, 3), keepdim=True))
