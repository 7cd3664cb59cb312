"""Geometry of a single-axis, parallel-beam tilt series, and the measurement made with it.

Conventions, defined here and used everywhere (checked by ``tests/unit/test_geometry.py`` and
``tests/unit/test_parallel_beam.py``):

- A **slice** is an ``image`` (B, 1, Z, X) perpendicular to the tilt axis: rows run along the beam (z), columns
  along x, and Z = X = N, the detector's size. Images are in [0, 1].
- **Tilt** is in degrees; 0 is untilted, the beam along z. Stored tilts increase; a tilt exposed twice is there twice. A full grid of
  step 1 is -90 … +89.
- The point (x, z), measured from the slice's centre with z pointing *down* the rows, falls on the detector at
  ``s = x cos(tilt) - z sin(tilt)``: the orientation of ``skimage.transform.radon``.
- The centre is *between* the middle pixels of an even detector, at (N - 1) / 2, so that a rotation by 180 degrees is exactly a
  flip of the detector. A tilt axis at another position is given by ``axis_offset_px``, and one at another position in
  each image (an aligned series whose images were not interpolated) additionally by ``tilt_offset_px``.
- A **sinogram** is (B, 1, A, N): tilts by detector pixels; line integrals in pixel units.
- ``wedge_deg`` is the total missing angle: measured where ``|tilt| < 90 - wedge_deg / 2``. The edges themselves are
  missing, even if they are on the grid.
- ``measured`` is boolean and **True means measured**.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from mwgan.errors import InputError

if TYPE_CHECKING:
    import torch

MOST_TILTS = 20_000


@dataclass(frozen=True)
class TiltGeometry:
    """Tilts and detector of a parallel-beam tilt series.

    Parameters
    ----------
    tilt_deg
        The tilts in degrees: any spacing and range, never decreasing; a tilt exposed twice is listed twice, and both count.
    detector_size
        Detector pixels N across the tilt axis; slices are N x N.
    axis_offset_px
        Position of the tilt axis on the detector, in pixels right of its centre (N - 1) / 2.
    tilt_offset_px
        (A,): additional offset in the image of each tilt; empty if there is none.

    Raises
    ------
    InputError
        If the tilts are empty, not finite or decreasing, or offsets aren't finite or have another number.
    """

    tilt_deg: tuple[float, ...]
    detector_size: int
    axis_offset_px: float = 0.0
    tilt_offset_px: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tilt_deg", tuple(float(tilt) for tilt in self.tilt_deg))
        check_tilts(self.tilt_deg)
        if self.detector_size < 2:
            raise InputError(f"a detector needs at least 2 pixels, not {self.detector_size}")
        if not math.isfinite(self.axis_offset_px):
            raise InputError(f"the tilt axis offset must be a finite number of pixels, not {self.axis_offset_px}")
        offsets = tuple(float(offset) for offset in self.tilt_offset_px)
        if offsets and len(offsets) != len(self.tilt_deg):
            raise InputError(f"{len(self.tilt_deg)} tilts have an offset each, not {len(offsets)}")
        for offset in offsets:
            if not math.isfinite(offset):
                raise InputError(f"the offset of a tilt must be a finite number of pixels, not {offset}")
        object.__setattr__(self, "tilt_offset_px", offsets if any(offsets) else ())

    @classmethod
    def full(cls, detector_size: int, step_deg: float = 1.0) -> TiltGeometry:
        """Every tilt from -90 up to, not including, +90 degrees in steps of ``step_deg``."""
        if not (math.isfinite(step_deg) and 0.0 < step_deg <= 90.0):
            raise InputError(f"the tilt step must lie in (0, 90] degrees, not {step_deg}")
        check_count(180.0 / step_deg, step_deg)
        count = math.ceil(180.0 / step_deg - 1e-9)
        return cls(tuple(-90.0 + step_deg * index for index in range(count)), detector_size)

    @property
    def tilts(self) -> int:
        """Number of tilts A."""
        return len(self.tilt_deg)

    @property
    def offsets_px(self) -> tuple[float, ...]:
        """Position of the tilt axis for each tilt (A,), in pixels right of the detector's centre."""
        return tuple(self.axis_offset_px + offset for offset in self.tilt_offset_px) or (self.axis_offset_px,) * self.tilts

    @property
    def on_axis(self) -> bool:
        """Whether the tilt axis is at the detector's centre in all images."""
        return self.axis_offset_px == 0 and not self.tilt_offset_px

    @property
    def gap_deg(self) -> float:
        """The missing angle: the half circle minus the range of tilts."""
        return max(0.0, 180.0 - (self.tilt_deg[-1] - self.tilt_deg[0]))

    def measured(self, wedge_deg: float | torch.Tensor = 0.0, limits_deg: tuple[float, float] | None = None) -> torch.Tensor:
        """Which tilts are measured: True where ``|tilt| < 90 - wedge_deg / 2``.

        Parameters
        ----------
        wedge_deg
            Total missing angle in degrees, in [0, 180). A number gives a mask (A,); a tensor (B,) of one wedge per
            sample gives (B, 1, A, 1). A wedge of 0 measures everything.
        limits_deg
            For asymmetric ranges: the lowest and the highest measured tilt, both included; ``wedge_deg`` is then unused.
        """
        import torch

        tilts = torch.tensor(self.tilt_deg, dtype=torch.float64)
        if limits_deg is not None:
            low, high = limits_deg
            if not low < high:
                raise InputError(f"tilt limits must increase: got {low} to {high}")
            mask = (tilts >= low) & (tilts <= high)
        else:
            wedge = torch.as_tensor(wedge_deg, dtype=torch.float64)
            if not bool(((wedge >= 0) & (wedge < 180)).all()):
                raise InputError(f"a wedge must lie in [0, 180) degrees, not {wedge_deg}")
            if wedge.ndim == 1:
                wedge, tilts = wedge.reshape(-1, 1, 1, 1), tilts.to(wedge.device).reshape(1, 1, -1, 1)
            elif wedge.ndim > 1:
                raise InputError(f"give one wedge, or one per sample as (B,), not a tensor of shape {tuple(wedge.shape)}")
            # Opposite views are equivalent: 135 degrees is as far from the beam as -45. A wedge of 0 leaves nothing
            # out, not even the tilt of -90.
            from_beam = ((tilts + 90.0) % 180.0 - 90.0).abs()
            mask = (from_beam < 90.0 - wedge / 2) | (wedge == 0)
        if not bool(mask.any(dim=-2 if mask.ndim == 4 else -1).all()):
            raise InputError("no tilt of this geometry lies in the measured range: narrow the wedge or refine the tilt step")
        return mask

    def take(self, indices: Iterable[int]) -> TiltGeometry:
        """The same detector with only the tilts at ``indices``, in increasing order."""
        chosen = sorted(indices)
        offsets = tuple(self.tilt_offset_px[index] for index in chosen) if self.tilt_offset_px else ()
        return replace(self, tilt_deg=tuple(self.tilt_deg[index] for index in chosen), tilt_offset_px=offsets)


@dataclass(frozen=True)
class Measurement:
    """A measurement: a sinogram, which of its tilts were measured, and the geometry.

    Parameters
    ----------
    sinogram
        (B, 1, A, N) line integrals in pixel units. Unmeasured values are set to zero.
    measured
        Boolean, True = measured: tilts (A,) for all samples, or (B, 1, A, 1) with a wedge per sample; or the detector pixels of
        each tilt, (1, 1, A, N) for all samples or (B, 1, A, N).
    geometry
        Tilts and detector of the sinogram.
    neighbours
        Rows of the neighbouring slices, (B, 2 K, A, N): of the K before along the tilt axis, then of the K after, with a
        slice's own rows instead of missing neighbours. None: slices are independent. Most methods don't use it.
    """

    sinogram: torch.Tensor
    measured: torch.Tensor
    geometry: TiltGeometry
    neighbours: torch.Tensor | None = None

    def __post_init__(self) -> None:
        import torch

        shape, expected = tuple(self.sinogram.shape), (1, self.geometry.tilts, self.geometry.detector_size)
        if len(shape) != 4 or shape[1:] != expected:
            raise InputError(f"a sinogram of this geometry is (B, {', '.join(map(str, expected))}), not {shape}")
        if self.measured.dtype != torch.bool:
            raise InputError(f"measured must be boolean (True = measured), not {self.measured.dtype}")
        allowed = {(shape[2],), (shape[0], 1, shape[2], 1), (1, 1, *shape[2:]), (shape[0], 1, *shape[2:])}
        if tuple(self.measured.shape) not in allowed:
            raise InputError(
                f"measured must be ({shape[2]},), ({shape[0]}, 1, {shape[2]}, 1) or ({shape[0]}, 1, {shape[2]}, {shape[3]}), "
                f"not {tuple(self.measured.shape)}"
            )
        if self.neighbours is not None:
            beside = tuple(self.neighbours.shape)
            if len(beside) != 4 or beside[1] % 2 or (beside[0], *beside[2:]) != (shape[0], *shape[2:]):
                raise InputError(f"neighbours of a sinogram {shape} are ({shape[0]}, 2 K, {shape[2]}, {shape[3]}), not {beside}")
        device = self.sinogram.device
        object.__setattr__(
            self, "measured", self.measured.to(device, non_blocking=device.type == "cuda")
        )  # without synchronising with a GPU
        object.__setattr__(self, "sinogram", torch.where(self.mask, self.sinogram, 0.0))
        if self.neighbours is not None:
            object.__setattr__(self, "neighbours", torch.where(self.mask, self.neighbours, 0.0))

    @property
    def mask(self) -> torch.Tensor:
        """``measured`` in the sinogram's layout: (1 or B, 1, A, 1 or N)."""
        return self.measured.reshape(1, 1, -1, 1) if self.measured.ndim == 1 else self.measured

    @property
    def measured_tilts(self) -> torch.Tensor:
        """The tilts with any measured pixel, (1 or B, 1, A, 1)."""
        return self.mask.any(dim=3, keepdim=True)

    @property
    def by_pixel(self) -> bool:
        """Whether ``measured`` distinguishes the pixels of a tilt."""
        return self.mask.shape[3] > 1

    def with_rows(
        self,
        change: Callable[[torch.Tensor], torch.Tensor],
        measured: torch.Tensor | None = None,
        geometry: TiltGeometry | None = None,
    ) -> Measurement:
        """The measurement with its rows, and those of its neighbours, changed in the same way.

        Parameters
        ----------
        change
            Rows (B, C, A, N) of any number C of slices to the new ones.
        measured, geometry
            Those of the new rows, where they differ.
        """
        return Measurement(
            change(self.sinogram),
            self.measured if measured is None else measured,
            self.geometry if geometry is None else geometry,
            None if self.neighbours is None else change(self.neighbours),
        )

    def samples(self, indices: torch.Tensor) -> Measurement:
        """The samples at ``indices`` (K,)."""
        return self.with_rows(lambda rows: rows[indices], self._measured_of(indices))

    def only_measured(self) -> Measurement:
        """The same data without the rows that no sample measured: less to project, the same tomogram."""
        kept = self.mask.any(dim=3).any(dim=0).flatten()
        if bool(kept.all()):
            return self
        indices = kept.nonzero().flatten()
        return self.with_rows(
            lambda rows: rows.index_select(2, indices),
            self.mask.index_select(2, indices).flatten() if self.measured.ndim == 1 else self.mask.index_select(2, indices),
            self.geometry.take(indices.tolist()),
        )

    def by_tilts(self) -> list[tuple[list[int], Measurement]]:
        """The samples in groups with the same measured tilts: their positions, and only their measured rows.

        Which pixels of these rows were measured may still differ within a group.
        """
        import torch

        measured = self.measured_tilts[:, 0, :, 0].cpu().expand(len(self.sinogram), -1)
        patterns, member = torch.unique(measured, dim=0, return_inverse=True)
        groups = []
        for number, pattern in enumerate(patterns):
            samples = (member == number).nonzero().flatten().tolist()
            tilts = pattern.nonzero().flatten().tolist()
            of_rows = self._measured_of(samples)[:, :, tilts] if self.by_pixel else torch.ones(len(tilts), dtype=torch.bool)
            some = self.samples(torch.tensor(samples))
            groups.append((samples, some.with_rows(partial(_at, tilts), of_rows, self.geometry.take(tilts))))
        return groups

    def _measured_of(self, samples: torch.Tensor | list[int]) -> torch.Tensor:
        """``measured`` of some samples; unchanged if all share it."""
        shared = self.measured.ndim == 1 or len(self.measured) < len(self.sinogram)
        return self.measured if shared else self.measured[samples]


def _at(tilts: list[int], rows: torch.Tensor) -> torch.Tensor:
    """The rows (B, C, A, N) of some of the tilts."""
    return rows[:, :, tilts]


def check_count(tilts: float, step_deg: float) -> None:
    """Raise an :class:`InputError` if a step gives too many tilts."""
    if tilts > MOST_TILTS:
        raise InputError(
            f"steps of {step_deg:g} degrees make {tilts:,.0f} tilts, more than the {MOST_TILTS} that are taken: widen the step"
        )


def check_tilts(tilt_deg: tuple[float, ...], name: str = "the tilt list") -> None:
    """Raise an :class:`InputError` unless the tilts are finite and in increasing order."""
    if not tilt_deg:
        raise InputError(f"{name} is empty: give at least one tilt in degrees")
    for position, tilt in enumerate(tilt_deg):
        if not math.isfinite(tilt):
            raise InputError(f"{name} holds {tilt} at position {position + 1}: every tilt must be a finite number of degrees")
    if any(later < earlier for earlier, later in itertools.pairwise(tilt_deg)):
        raise InputError(f"{name} must increase: sort the tilts, and the images with them")
