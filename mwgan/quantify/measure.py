"""Measures the specimen in a volume; every value has a 90 % confidence interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from mwgan.errors import InputError
from mwgan.quantify.bulk import Specimen, VolumeNumber, porosity_interval
from mwgan.quantify.intervals import Interval, Reach, chance_of_voxels, interval, kind_of_method, reach
from mwgan.quantify.labels import Particles, find_particles
from mwgan.quantify.materials import OTSU, Materials, find_materials
from mwgan.quantify.measured_particle import MeasuredParticle, with_intervals, with_neighbours
from mwgan.quantify.opened import OpenedVolume, check_finite, open_like, open_volume
from mwgan.quantify.particle import Numbers, Shape, Voxel, measure_again, measure_particle
from mwgan.quantify.resolution import resolution_along
from mwgan.quantify.roughness import doubt_of
from mwgan.quantify.spread import Spread, combined, subset_spread, threshold_spread, uncertainty_spread
from mwgan.quantify.subsets import Subsets
from mwgan.quantify.surface import weighted_median

SMALLEST = 27  # voxels: a cube of three, below which there is no meaningful shape
WIDEST_WEDGE_DEG = 80.0  # the widest calibrated wedge; used if the wedge is unknown
UNSAFE_SHARE = 0.15  # of a surface, across the beam: with blurring along the beam a third and more is affected
Quiet: Callable[[str], None] = lambda sentence: None  # noqa: E731


@dataclass(frozen=True)
class Measured:
    """The results of measuring a volume.

    Parameters
    ----------
    particles
        In the order of ``labels``.
    numbers
        Quantities of the volume as a whole.
    labels
        (Y, Z, X) int32; 0 outside of particles.
    volume
        The measured volume.
    materials
        The thresholds used.
    tilts_deg
        The lowest and the highest tilt assumed for the intervals.
    notes, warnings
        Sentences on findings, and on limitations.
    """

    particles: list[MeasuredParticle]
    numbers: list[VolumeNumber]
    labels: npt.NDArray[np.int32]
    volume: OpenedVolume
    materials: Materials
    tilts_deg: tuple[float, float]
    notes: list[str]
    warnings: list[str]


def measure_volume(
    volume: str | Path | npt.NDArray[np.floating],
    voxel_size_nm: float | None = None,
    threshold: str | float = OTSU,
    levels: Sequence[float] | None = None,
    smallest: int = SMALLEST,
    uncertainty: str | Path | npt.NDArray[np.float32] | None = None,
    subsets: Subsets | None = None,
    wedge_deg: float | None = None,
    method: str | None = None,
    closing: int = 0,
    say: Callable[[str], None] = Quiet,
) -> Measured:
    """Measure the particles of a volume, and the volume as a whole.

    Parameters
    ----------
    volume
        A file, with its record from ``mwgan reconstruct`` if there is one; or voxels (Y, Z, X).
    voxel_size_nm
        Voxel size; None takes it from the file.
    threshold, levels
        As for :func:`mwgan.quantify.materials.find_materials`.
    smallest
        Minimum number of voxels of a particle; smaller ones are left out.
    uncertainty
        The uncertainty volume from ``mwgan reconstruct --trust``: a standard deviation for every voxel; or an array of
        them.
    subsets
        The series, to reconstruct volumes from parts of its tilts.
    wedge_deg, method
        Missing wedge, and method of the reconstruction, which determine the width of the intervals. None takes them from the
        series or the record.
    closing
        Voxels to either side of a gap that counts as a pore; 0 for enclosed voids only.
    say
        Called with sentences on progress.

    Raises
    ------
    InputError
        If the volume can't be read or holds no particle, or an option can't be used.
    """
    if smallest < 1 or closing < 0:
        raise InputError(f"smallest must be 1 voxel or more and closing 0 or more, not {smallest} and {closing}")
    opened = volume if isinstance(volume, np.ndarray) else open_volume(volume, voxel_size_nm)
    if isinstance(opened, np.ndarray):
        opened = _in_memory(opened, voxel_size_nm)
    if subsets is not None:
        subsets.check_shape(opened.values.shape)
    deviation = (
        uncertainty if uncertainty is None or isinstance(uncertainty, np.ndarray) else open_like(uncertainty, opened, "the uncertainty")
    )
    notes: list[str] = []
    warnings: list[str] = []
    tilts_deg = _tilts(opened, subsets, wedge_deg, warnings)
    kind = kind_of_method(method or opened.method)
    if kind == "any":
        how = f"was made by {method or opened.method}, which isn't calibrated" if method or opened.method else "is of unknown method"
        warnings.append(f"the volume {how}: intervals are the widest of SIRT's, TVM's and the networks', give --method")
    materials = find_materials(opened.values, threshold, levels)
    found = find_particles(opened.values, materials, smallest)
    steps = ", ".join(f"{level:.4g}" for level in materials.thresholds)
    small = f"; {found.left_out} of fewer than {smallest} voxels left out" if found.left_out else ""
    notes.append(f"threshold {steps}: {len(found.places)} particle{'s' if len(found.places) > 1 else ''}{small}")
    work = _Work(opened, materials, found, kind, 180.0 - (tilts_deg[1] - tilts_deg[0]), closing)
    particles, parts = work.particles(deviation, subsets, tilts_deg, say)
    numbers = work.numbers(particles, parts, tilts_deg)
    if subsets is not None:
        numbers += _resolutions(subsets, opened.voxel_nm, tilts_deg, say)
    warnings += [*_unsafe(particles), *doubt_of(opened.values, materials)]
    return Measured(particles, numbers, found.labels, opened, materials, tilts_deg, notes, warnings)


class _Work:
    """The particles of one volume, measured once, and again for every variation."""

    def __init__(self, opened: OpenedVolume, materials: Materials, found: Particles, kind: str, wedge_deg: float, closing: int) -> None:
        self._values, self._voxel = opened.values, opened.voxel_nm
        self._materials, self._found = materials, found
        self._kind, self._wedge_deg = kind, wedge_deg
        self._specimen = Specimen(found.labels, closing)

    def particles(
        self, deviation: npt.NDArray[np.float32] | None, subsets: Subsets | None, tilts_deg: tuple[float, float], say: Callable[[str], None]
    ) -> tuple[list[MeasuredParticle], list[float]]:
        """All particles with their intervals, and the porosities from parts of the tilts."""
        first = [self._first(number) for number in range(len(self._found.places))]
        chances: list[list[Spread]] = [[] for _ in first]
        of_porosity: list[float] = []
        if subsets is not None:
            of_parts: list[list[Numbers | None]] = [[] for _ in first]
            for volume in subsets.volumes(subsets.groups, say):
                for place, again in zip(self._found.places, of_parts, strict=True):
                    again.append(measure_again(self._found, place, volume, self._materials, self._voxel))
                of_porosity.append(self._specimen.porosity(volume, self._materials))
            for (numbers, _), again, known in zip(first, of_parts, chances, strict=True):
                known.append(subset_spread(numbers, again))
        measured = []
        for place, (numbers, shape), known in zip(self._found.places, first, chances, strict=True):
            moved = threshold_spread(self._found, place, numbers, self._values, self._materials, self._voxel)
            if deviation is not None:
                together = uncertainty_spread(self._found, place, numbers, self._values, deviation, self._materials, self._voxel)
                known.append(chance_of_voxels(together, numbers.surface, self._voxel))
            chance, unseen = combined(known), shape.surface.unseen_share(tilts_deg)
            safe = unseen <= UNSAFE_SHARE and not place.cut
            intervals = {name: interval(getattr(numbers, name), moved[name], self._reach(name), chance[name]) for name in moved}
            measured.append(with_intervals(place, numbers, shape, intervals, moved, chance, unseen, safe))
        return with_neighbours(measured, self._found.labels, self._voxel, self._reach("contact")), of_porosity

    def numbers(self, particles: list[MeasuredParticle], parts: list[float], tilts_deg: tuple[float, float]) -> list[VolumeNumber]:
        """Quantities of the volume as a whole."""
        value, *moved = self._specimen.porosities(self._values, self._materials)
        pores = porosity_interval(value, moved, parts, self._reach("porosity"))
        found = [VolumeNumber("porosity", 0, pores, "1", all(one.safe for one in particles))]
        whole = float(self._values.size * np.prod(self._voxel))
        for material in range(1, self._materials.count + 1):
            own = [one for one in particles if one.place.material == material]
            if not own:
                continue
            safe = all(one.safe for one in own)
            total = Interval(*(sum(one.intervals["volume"][end] for one in own) for end in range(3)))
            surface = Interval(*(sum(one.intervals["surface"][end] for one in own) for end in range(3)))
            found += [
                VolumeNumber("volume", material, total, "nm3", safe),
                VolumeNumber("volume_fraction", material, Interval(*(one / whole for one in total)), "1", safe),
                VolumeNumber("surface", material, surface, "nm2", safe),
                VolumeNumber("thickness", material, _thickness(own), "nm", safe),
                VolumeNumber("thickness_z", material, _mean(own, "thickness_z", "volume"), "nm", safe),
            ]
        return found

    def _first(self, number: int) -> tuple[Numbers, Shape]:
        place = self._found.places[number]
        field = self._found.field(place, self._values, self._materials)
        measured = None if field is None else measure_particle(field, place, self._voxel)
        if measured is None:
            raise InputError(f"particle {place.label} has no measurable surface: give a larger --smallest")
        return measured

    def _reach(self, name: str) -> Reach:
        return reach(name, self._kind, self._wedge_deg)


def _thickness(own: list[MeasuredParticle]) -> Interval:
    """The median wall thickness over all surfaces, with the mean interval of its particles."""
    lengths = np.concatenate([one.shape.wall_lengths for one in own])
    value = weighted_median(lengths, np.concatenate([one.shape.wall_areas for one in own]))
    mean = _mean(own, "thickness", "surface")
    return Interval(value, value * mean.low / mean.value, value * mean.high / mean.value)


def _mean(own: list[MeasuredParticle], name: str, weight: str) -> Interval:
    weights = [getattr(one.numbers, weight) for one in own]
    return Interval(*(float(np.average([one.intervals[name][end] for one in own], weights=weights)) for end in range(3)))


def _resolutions(subsets: Subsets, voxel_nm: Voxel, tilts_deg: tuple[float, float], say: Callable[[str], None]) -> list[VolumeNumber]:
    halves = [torch.from_numpy(half) for half in subsets.volumes(2, say)]
    found = []
    for direction, size in (("z", voxel_nm[1]), ("x", voxel_nm[2])):
        resolution = resolution_along((halves[0], halves[1]), direction, size)
        seen = direction == "x" or min(-tilts_deg[0], tilts_deg[1]) >= 75.0  # half of the sector about z, or more
        found.append(VolumeNumber(f"resolution_{direction}", 0, Interval(*resolution), "nm", seen))
    return found


def _tilts(opened: OpenedVolume, subsets: Subsets | None, wedge_deg: float | None, warnings: list[str]) -> tuple[float, float]:
    if wedge_deg is not None:
        if not 0 <= wedge_deg < 180:
            raise InputError(f"the missing wedge must be in [0, 180) degrees, not {wedge_deg:g}")
        return -90 + wedge_deg / 2, 90 - wedge_deg / 2
    if subsets is not None:
        tilts = subsets.series.geometry.tilt_deg
        return tilts[0], tilts[-1]
    if opened.tilts_deg is not None:
        return opened.tilts_deg
    warnings.append(f"the tilts of the volume are unknown: a missing wedge of {WIDEST_WEDGE_DEG:g} degrees is assumed, give --wedge")
    return -90 + WIDEST_WEDGE_DEG / 2, 90 - WIDEST_WEDGE_DEG / 2


def _unsafe(particles: list[MeasuredParticle]) -> list[str]:
    across = sum(one.unseen > UNSAFE_SHARE for one in particles)
    cut = sum(one.place.cut for one in particles)
    sentences = []
    if across:
        sentences.append(
            f"for {across} of {len(particles)} particles more than {100 * UNSAFE_SHARE:.0f} % of the surface is in the "
            "missing wedge: their thickness along z, surface and axes depend on the method's prior (column safe)"
        )
    if cut:
        sentences.append(
            f"{cut} of {len(particles)} particles touch the volume's border: their values are of the part inside (column safe)"
        )
    return sentences


def _in_memory(values: npt.NDArray[np.floating], voxel_size_nm: float | None) -> OpenedVolume:
    if values.ndim != 3:
        raise InputError(f"a volume has three axes (y, z, x), not {values.ndim}")
    if voxel_size_nm is None or not voxel_size_nm > 0:
        raise InputError("the voxel size is unknown: give voxel_size_nm")
    kept = np.asarray(values, np.float32)
    check_finite(kept, "the volume")
    return OpenedVolume(Path("volume"), kept, (voxel_size_nm,) * 3)
