"""The part of a slice that is written, and the grid that it is reconstructed on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn.functional import pad

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry

LARGEST_GRID = 8  # times the detector: no slab is wider, and a typing error would fill any memory


@dataclass(frozen=True)
class SliceGrid:
    """Slices of ``thickness`` x ``width`` pixels (z, x) around the detector's centre, cut from a square grid that contains them.

    A grid wider than the detector can represent parts of the specimen, such as of a slab, that are outside the slice but project
    onto the detector at high tilts: otherwise a method must put them into the slice. The detector is extended accordingly, with
    unmeasured outer pixels. Where the sizes aren't both even or both odd, the centre of the written part lies half a pixel before
    that of the slice.

    Parameters
    ----------
    detector_size
        Detector pixels N.
    thickness, width
        The written part, in pixels.

    Raises
    ------
    InputError
        If there is nothing to write, or a side is beyond :data:`LARGEST_GRID` detectors.
    """

    detector_size: int
    thickness: int
    width: int

    def __post_init__(self) -> None:
        for name, side in (("thickness", self.thickness), ("width", self.width)):
            if not 1 <= side <= LARGEST_GRID * self.detector_size:
                raise InputError(
                    f"the {name} of a slice must be 1 to {LARGEST_GRID * self.detector_size} pixels here ({LARGEST_GRID} times the "
                    f"detector), not {side}"
                )

    @classmethod
    def of(cls, geometry: TiltGeometry, thickness: int | None = None, width: int | None = None) -> SliceGrid:
        """A grid with the detector's size as default."""
        size = geometry.detector_size
        return cls(size, size if thickness is None else thickness, size if width is None else width)

    @property
    def margin(self) -> int:
        """Pixels by which the grid exceeds the detector, on either side."""
        return max(0, -(-(max(self.thickness, self.width) - self.detector_size) // 2))

    def geometry(self, geometry: TiltGeometry) -> TiltGeometry:
        """Tilts and detector as wide as the grid."""
        return replace(geometry, detector_size=self.detector_size + 2 * self.margin) if self.margin else geometry

    def placed(self, measurement: Measurement) -> Measurement:
        """The measurement on a detector as wide as the grid, whose outer pixels were not measured."""
        if not self.margin:
            return measurement
        ends = (self.margin, self.margin)
        mask = measurement.mask.expand(-1, -1, -1, self.detector_size)
        shared = mask[:1] if bool((mask == mask[:1]).all()) else mask
        return measurement.with_rows(lambda rows: pad(rows, ends), pad(shared, ends, value=False), self.geometry(measurement.geometry))

    def cropped(self, slices: Tensor) -> Tensor:
        """The written part (B, 1, thickness, width) of slices on the grid."""
        top, left = self._corner(slices.shape[-1])
        return slices[..., top : top + self.thickness, left : left + self.width]

    @property
    def first_voxel_px(self) -> tuple[float, float, float]:
        """Position of the first written voxel, (y, z, x) in voxels from the first one of a slice as large as the detector."""
        top, left = self._corner(self.detector_size + 2 * self.margin)
        return 0.0, float(top - self.margin), float(left - self.margin)

    def _corner(self, side: int) -> tuple[int, int]:
        """Corner (z, x) of the written part in slices of ``side`` pixels."""
        return (side - self.thickness) // 2, (side - self.width) // 2
