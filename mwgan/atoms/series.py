"""The whole way from a tilt series to its atoms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mwgan.atoms.floor import Floor, floor_of
from mwgan.atoms.model import AtomModel
from mwgan.atoms.noise import PixelNoise, noise_of
from mwgan.atoms.search import Search, settled
from mwgan.atoms.sharpened import sharpened
from mwgan.atoms.species import Mixture, mixture
from mwgan.atoms.tracing import LEAST, trace
from mwgan.data.nanocrystals.particle import masses_of
from mwgan.errors import InputError
from mwgan.memory import check_fits
from mwgan.operators.atoms import AtomProjector
from mwgan.recon.named import make_method
from mwgan.series.measured import Series, measurement_of

CLOSEST_ANGSTROM = 1.7  # but for hydrogen, no two atoms of a solid are nearer
COARSEST = 0.35  # of the closest distance: coarser pixels don't tell neighbours apart
SMOOTH, LESS_SMOOTH = 0.25, 0.18  # of the closest distance, by which the first and the sharpened volume are smoothed
REACH = 4.0  # widths; 1e-4 of an atom lies beyond
BEGINNING = 5  # steps of the refinement that finds the width
A_LITTLE_LESS = 0.9  # of that width, which is too large where atoms were missed
MOVED, SURVIVING = 1.0, 0.9  # pixels, from which on images are put back for the second volume; of their noise, what that leaves
SLICES_AT_ONCE = 16
BYTES = 100  # of a pixel and of a voxel, for all that is kept of it at a time
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """How atoms are looked for.

    Parameters
    ----------
    method, settings
        What the first volume is made by, slice by slice: a method of :func:`mwgan.recon.named.make_method`.
    sharpen
        Make a second volume that knows the width of an atom: see :func:`mwgan.atoms.sharpened.sharpened`.
    refined
        Whether places are refined against the projections; otherwise they are those of the volume.
    species
        Atomic numbers of what is in the specimen; empty where nobody knows.
    closest_angstrom
        No two atoms are nearer to one another.
    fits_images, fits_turns
        Whether images may be displaced, and tilts be wrong.
    device
        Of the method.
    """

    method: str = "sirt"
    settings: Mapping[str, Any] = field(default_factory=dict)
    sharpen: bool = True
    refined: bool = True
    species: Sequence[int] = ()
    closest_angstrom: float = CLOSEST_ANGSTROM
    fits_images: bool = True
    fits_turns: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.closest_angstrom) and self.closest_angstrom > 0):
            raise InputError(f"the closest distance of atoms is above 0 Å, not {self.closest_angstrom:g}")
        if 0 in self.species or len(set(self.species)) != len(self.species):
            raise InputError("species are different elements, such as Fe,Pt")


@dataclass(frozen=True)
class FoundAtoms:
    """What was found.

    ``model`` is in pixels of ``pixel_angstrom``; ``shape`` (Y, Z, X) is that of the volume; ``misfit`` is the sum of the squares of what
    is left, in variances, over the number of pixels, and NaN where nothing was refined; ``by_tilt`` the same of each image.
    """

    model: AtomModel
    species: Mixture
    floor: Floor | None
    noise: PixelNoise
    misfit: float
    by_tilt: npt.NDArray[np.float64]
    pixel_angstrom: float
    shape: tuple[int, int, int]

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """(K,): the species of each atom, by its place in the mixture."""
        return self.species.of(self.masses)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """(K,) atomic numbers; 0 where no species were told."""
        return np.array(self.species.numbers, np.int64)[self.groups]

    @property
    def masses(self) -> npt.NDArray[np.float64]:
        """(K,) in the images' units."""
        return np.asarray(self.model.masses.numpy(), np.float64)

    @property
    def positions(self) -> npt.NDArray[np.float64]:
        """(K, 3) ångström: x, y, z from the middle of the volume."""
        return self.model.places.numpy() * self.pixel_angstrom

    @property
    def positions_in_volume(self) -> npt.NDArray[np.float64]:
        """(K, 3) ångström: x, y, z from the middle of the volume's first voxel."""
        y, z, x = self.shape
        return self.positions + self.pixel_angstrom * (np.array([x, y, z]) - 1) / 2

    @property
    def width_angstrom(self) -> float:
        """Standard deviation of an atom."""
        return float(self.model.widths.mean()) * self.pixel_angstrom

    @property
    def uncertainties(self) -> npt.NDArray[np.float64]:
        """(K, 3) ångström: the floor, of noise as strong as what is left of the images; NaN where nothing was refined."""
        if self.floor is None:
            return np.full((len(self.model), 3), np.nan)
        return self.floor.places * self.pixel_angstrom * math.sqrt(self.misfit)


def find_atoms(
    series: Series,
    wanted: Wanted | None = None,
    pixel_angstrom: float | None = None,
    volume: npt.NDArray[np.float32] | None = None,
    say: Say = lambda sentence: None,
) -> FoundAtoms:
    """Reconstruct a series, trace its atoms, and refine them against the projections.

    Parameters
    ----------
    series
        Opened, with what a look at it corrects.
    wanted
        How.
    pixel_angstrom
        In place of what the series says.
    volume
        (Y, Z, X) to begin with, in place of one by ``wanted.method``; nothing is sharpened then.
    say
        Told what goes on.

    Raises
    ------
    InputError
        If nothing tells how large a pixel is, or pixels are too coarse for atoms, the volume is of another series, there is not enough
        memory, or no atom is found.
    """
    wanted = wanted or Wanted()
    pixel = _pixel(series, pixel_angstrom, wanted.closest_angstrom)
    size, slices = series.geometry.detector_size, series.slices
    check_fits(BYTES * slices * size * (size + series.geometry.tilts), f"{slices} slices of {size} pixels", "cut the specimen out")
    if volume is not None and (volume.shape[0], volume.shape[2]) != (slices, size):
        given = " x ".join(map(str, volume.shape))
        raise InputError(
            f"the volume has {given} voxels (y, z, x), and the series makes {slices} x {size} x {size}: give that of this series"
        )
    images, measured = _images(series)
    noise = noise_of(images.float(), series.geometry)
    closest, projector = wanted.closest_angstrom / pixel, AtomProjector(series.geometry, slices, REACH)
    search = Search(images, projector, replace(noise, measured=measured), closest, wanted.species, wanted.fits_images, wanted.fits_turns)
    given = volume
    if volume is None:
        volume = _reconstructed(series, wanted)
    places = _traced(volume, closest, SMOOTH, wanted)
    say(f"{len(places)} atoms in the volume{'' if given is not None else f' by {wanted.method}'}")
    model = search.begun(places, closest / 3)
    if given is None and wanted.sharpen:
        model, _ = search.fitted(model, BEGINNING)
        width = float(model.widths.mean())
        put_back = _put_back(images, model.shifts)
        left = noise.sigma if put_back is images else SURVIVING * noise.sigma
        places = _traced(sharpened(put_back, series.geometry, A_LITTLE_LESS * width, left).numpy(), closest, LESS_SMOOTH, wanted)
        say(f"{len(places)} atoms in the volume that knows their width, {width * pixel:.2f} Å")
        model = replace(search.begun(places, width), shifts=model.shifts, turns_deg=model.turns_deg)
    if not wanted.refined:
        model = _weighed(model, volume)
        species = mixture(model.masses.numpy(), wanted.species)
        return FoundAtoms(model, species, None, noise, math.nan, np.empty(0), pixel, _shape(series))
    model = settled(search, model, say)
    if not len(model):
        raise InputError(
            f"no atom of {series.path} is borne out by its projections: give a series of one particle, aligned, of 0.5 Å pixels or less"
        )
    expected = model.images(projector)
    weights = search.noise.weights(expected)
    by_tilt = ((images - expected) ** 2 * weights).mean(dim=(1, 2)).numpy()
    species = mixture(model.masses.numpy(), wanted.species)
    floor = floor_of(model, projector, weights)
    return FoundAtoms(model, species, floor, noise, float(by_tilt.mean()), by_tilt, pixel, _shape(series))


def _shape(series: Series) -> tuple[int, int, int]:
    size = series.geometry.detector_size
    return series.slices, size, size


def _pixel(series: Series, given: float | None, closest: float) -> float:
    known = series.voxel_sizes_angstrom
    pixel = given if given is not None else None if known is None or known == (1.0, 1.0, 1.0) else known[2]
    if pixel is None:
        raise InputError(f"nothing tells how large the pixels of {series.path} are: give --pixel-size in ångström")
    if not (math.isfinite(pixel) and 0 < pixel <= COARSEST * closest):
        raise InputError(
            f"pixels of {pixel:g} Å are too coarse for atoms {closest:g} Å apart: give pixels of {COARSEST * closest:.2g} Å or less, "
            "or the size of its pixels (--pixel-size), if the file tells a wrong one"
        )
    if given is None and known is not None and abs(known[0] - known[2]) > 1e-3 * known[2]:
        raise InputError(f"the pixels of {series.path} are {known[0]:g} by {known[2]:g} Å: make them square first")
    return pixel


def _images(series: Series) -> tuple[Tensor, Tensor | None]:
    """(A, Y, N) float64, and which of their pixels were measured, None: all."""
    rows, masks = [], []
    for start in range(0, series.slices, SLICES_AT_ONCE):
        measurement = measurement_of(series, start, min(start + SLICES_AT_ONCE, series.slices))
        rows.append(measurement.sinogram[:, 0])
        masks.append(measurement.mask.expand_as(measurement.sinogram)[:, 0])
    images, measured = torch.cat(rows).permute(1, 0, 2).double().contiguous(), torch.cat(masks).permute(1, 0, 2)
    return images, None if bool(measured.all()) else measured.contiguous()


def _reconstructed(series: Series, wanted: Wanted) -> npt.NDArray[np.float32]:
    method = make_method(wanted.method, wanted.settings, wanted.device)
    starts = range(0, series.slices, SLICES_AT_ONCE)
    blocks = [measurement_of(series, start, min(start + SLICES_AT_ONCE, series.slices), wanted.device) for start in starts]
    return np.asarray(torch.cat([method(block)[:, 0].cpu() for block in blocks]).numpy(), np.float32)


def _traced(volume: npt.NDArray[np.float32], closest: float, smooth: float, wanted: Wanted) -> npt.NDArray[np.float64]:
    """Places of maxima that are as high as the lightest species would be, or half as high as most."""
    masses = masses_of(np.array(wanted.species or [1], np.int64))
    found = trace(volume, closest, smooth * closest).above(LEAST * float(masses.min() / masses.max()))
    if not len(found.places):
        raise InputError("the volume has no maximum that could be an atom: look at it first")
    return found.places


def _put_back(images: Tensor, shifts: Tensor) -> Tensor:
    """Images that lie where they should."""
    from scipy.ndimage import shift

    if float(shifts.abs().max()) < MOVED:
        return images
    moved = [
        shift(one, (-along, -across), order=3, mode="nearest") for one, (across, along) in zip(images.numpy(), shifts.tolist(), strict=True)
    ]
    return torch.from_numpy(np.stack(moved))


def _weighed(model: AtomModel, volume: npt.NDArray[np.float32]) -> AtomModel:
    """A model whose masses are what the volume holds about each place."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    width = float(model.widths.mean())
    middle = (np.array(volume.shape) - 1) / 2
    at = model.places.numpy()[:, [1, 2, 0]] + middle
    heights = map_coordinates(gaussian_filter(np.asarray(volume, np.float64), width / 2), at.T, order=1)
    return replace(model, masses=torch.from_numpy(heights * float(model.masses.sum()) / max(heights.sum(), 1e-30)))
