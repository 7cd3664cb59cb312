"""The whole way from a tilt series to its atoms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mwgan.atoms.floor import floor_of
from mwgan.atoms.found import FoundAtoms
from mwgan.atoms.model import PER_ATOM, AtomModel
from mwgan.atoms.noise import noise_of
from mwgan.atoms.search import Search, search_atoms
from mwgan.atoms.species import mixture
from mwgan.atoms.tracing import LEAST, trace
from mwgan.data.nanocrystals.particle import masses_of
from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.memory import check_fits
from mwgan.operators.atoms import AtomProjector
from mwgan.recon.atom_volume import SHARPENING_WIDTH, AtomSeries
from mwgan.recon.learned_atoms import LearnedAtoms, load_atom_network
from mwgan.recon.named import make_method, neighbours_in
from mwgan.recon.sharpening import sharpen_volume
from mwgan.series.measured import Series, measurement_of

CLOSEST_ANGSTROM = 1.7  # but for hydrogen, no two atoms of a solid are nearer
COARSEST = 0.35  # of the closest distance: coarser pixels don't tell neighbours apart
SMOOTH, LESS_SMOOTH = 0.25, 0.18  # of the closest distance, by which the first and the sharpened volume are smoothed
REACH = 4.0  # widths; 1e-4 of an atom lies beyond
WIDTH_STEPS = 5  # of the refinement that finds the width
FIRST_METHOD = "sirt"  # of the first volume where a network makes the second
SHIFTED = 1.0  # pixels: larger shifts are undone before the second volume is made
SLICES_AT_ONCE = 16
PASSES, BETTER = 3, 2e-4  # of sharpening, as long as each reduces the misfit by this share
BYTES = 100  # of memory per pixel and per voxel, at the peak
Report = Callable[[str], None]


@dataclass(frozen=True)
class AtomOptions:
    """Options of :func:`find_atoms`.

    Parameters
    ----------
    method, settings
        Makes the first volume, slice by slice: a method of :func:`mwgan.recon.named.make_method`. Or a network of atoms
        (:func:`mwgan.recon.load_atom_network`), which makes the second volume after a first one by SIRT.
    sharpen
        Deconvolve the volume by the width of an atom (:func:`mwgan.recon.sharpening.sharpen_volume`), with a network, too: of both
        volumes those atoms are kept that explain the images better for their number.
    refined
        Whether positions are refined against the projections; otherwise they are the maxima of the volume.
    species
        Atomic numbers in the specimen; empty if unknown.
    closest_angstrom
        The least distance between two atoms.
    fits_images, fits_turns
        Whether shifts of the images, and errors of the tilts, are fitted.
    device
        Where the method runs.
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
            raise InputError(f"the least distance between atoms must be above 0 Å, not {self.closest_angstrom:g}")
        if 0 in self.species or len(set(self.species)) != len(self.species):
            raise InputError("species must be different elements, such as Fe,Pt")


def find_atoms(
    series: Series,
    options: AtomOptions | None = None,
    pixel_angstrom: float | None = None,
    volume: npt.NDArray[np.float32] | None = None,
    report: Report = lambda sentence: None,
) -> FoundAtoms:
    """Reconstruct a series, trace its atoms, and refine them against the projections.

    Parameters
    ----------
    series
        Opened, with its corrections.
    options
        How atoms are looked for.
    pixel_angstrom
        Instead of the pixel size that the series gives.
    volume
        (Y, Z, X) to start from, instead of one by ``options.method``; nothing is sharpened then.
    report
        Called with a sentence on each step.

    Raises
    ------
    InputError
        If the pixel size is unknown or too coarse for atoms, the volume belongs to another series, there is not enough memory, or no
        atom is found.
    """
    options = options or AtomOptions()
    pixel = _pixel_size(series, pixel_angstrom, options.closest_angstrom)
    size, slices = series.geometry.detector_size, series.slices
    check_fits(BYTES * slices * size * (size + series.geometry.tilts), f"{slices} slices of {size} pixels", "cut the specimen out")
    if volume is not None and (volume.shape[0], volume.shape[2]) != (slices, size):
        given = " x ".join(map(str, volume.shape))
        raise InputError(
            f"the volume has {given} voxels (y, z, x), but this series makes {slices} x {size} x {size}: give the volume of this series"
        )
    images, measured = _images_of(series)
    noise = noise_of(images.float(), series.geometry, measured)
    closest, projector = options.closest_angstrom / pixel, AtomProjector(series.geometry, slices, REACH)
    search = Search(images, projector, noise, closest, options.species, options.fits_images, options.fits_turns)
    network = load_atom_network(options.method, options.device)
    if network is not None and options.settings:
        raise InputError(f"{options.method} is a trained network and has no settings: leave out {', '.join(options.settings)}")
    first = options if network is None else replace(options, method=FIRST_METHOD)
    if network is not None and (outside := network.outside_training(series.geometry)):
        report(outside)
    made = _first_volume(series, first) if volume is None else volume
    places = _trace_places(made, closest, SMOOTH, options)
    report(f"{len(places)} atoms in the volume{'' if volume is not None else f' by {first.method}'}")
    model = search.initial_model(places, closest / 3)
    if volume is None and (network is not None or options.sharpen):
        model, _ = search.fitted(model, WIDTH_STEPS)
        return _best_of_starts(search, model, network, options, pixel, report)
    if not options.refined:
        return _without_refinement(model, made, search, pixel)
    return _with_errors(search_atoms(search, model, report), made, search, pixel)


def _best_of_starts(
    search: Search, model: AtomModel, network: LearnedAtoms | None, options: AtomOptions, pixel: float, report: Report
) -> FoundAtoms:
    """The atoms that explain the images best for their number, from the network's volume and from sharpened ones."""
    if network is None:
        return _refine_second_volume(search, model, None, options, pixel, report)
    # Where SIRT's volume misses atoms, those it shows are fitted too wide. The network adds the missing ones.
    with_network, _ = search.fitted(_second_volume(search, model, network, options, pixel, report)[0], WIDTH_STEPS)
    by_network = _refine_second_volume(search, with_network, network, options, pixel, report)
    if not (options.refined and options.sharpen):
        return by_network
    # Sharpened with the width and shifts of the network's atoms, and without the network: it may miss too many atoms.
    candidates = by_network, *(_refine_second_volume(search, before, None, options, pixel, report) for before in (by_network.model, model))
    return min(candidates, key=lambda found: _criterion(search, found))


def _criterion(search: Search, found: FoundAtoms) -> float:
    """Squared residual in units of the noise, and a penalty for each atom; the lower, the better.

    Each of an atom's four parameters counts 2 (Akaike), and its choice among P places 2 ln P (risk inflation criterion; Foster and
    George, Ann. Stat. 22, 1994).
    """
    pixels = search.images.numel() * search.noise.share_measured
    places = search.projector.slices * (search.projector.geometry.detector_size / search.closest) ** 2 / search.closest
    return found.misfit * pixels + 2 * (PER_ATOM + math.log(max(places, 1.0))) * len(found.model)


def _refine_second_volume(
    search: Search, model: AtomModel, network: LearnedAtoms | None, options: AtomOptions, pixel: float, report: Report
) -> FoundAtoms:
    """Make a second volume with the width and shifts of a model, trace it, refine; again, as long as the misfit falls."""
    best: FoundAtoms | None = None
    for _ in range(PASSES):
        model, made, surviving = _second_volume(search, model, network, options, pixel, report)
        if not options.refined:
            return _without_refinement(model, made, search, pixel)
        traced = len(model)
        found = _with_errors(search_atoms(search, model, report), made, search, pixel)
        if best is not None and found.misfit > (1 - BETTER) * best.misfit:
            break
        best, model = found, found.model
        if surviving == 1.0 and len(found.model) == traced:
            break
    assert best is not None
    return best


def _second_volume(
    search: Search, model: AtomModel, network: LearnedAtoms | None, options: AtomOptions, pixel: float, report: Report
) -> tuple[AtomModel, npt.NDArray[np.float32], float]:
    """The atoms of a second volume, that volume, and the share of the noise that is left once shifts are undone."""
    width = float(model.widths.mean())
    put_back, surviving = _undo_shifts(_fill_unmeasured(search, model), model.shifts)
    series = AtomSeries(put_back, search.projector.geometry, width, surviving * search.noise.sigma)
    if network is None:
        made, smooth = sharpen_volume(put_back, series.geometry, SHARPENING_WIDTH * width, series.noise), LESS_SMOOTH
    else:
        made, smooth = network(series._replace(images=put_back.to(options.device))).cpu(), 0.0
    volume = made.numpy()
    places = _trace_places(volume, search.closest, smooth, options)
    report(f"{len(places)} atoms in the {'sharpened volume' if network is None else 'volume by the network'}, {width * pixel:.2f} Å wide")
    return replace(search.initial_model(places, width), shifts=model.shifts, turns_deg=model.turns_deg), volume, surviving


def _without_refinement(model: AtomModel, made: npt.NDArray[np.float32], search: Search, pixel: float) -> FoundAtoms:
    model = _with_masses_of(model, made)
    return FoundAtoms(model, mixture(model.masses.numpy(), search.species), None, search.noise, math.nan, np.empty(0), pixel, made)


def _with_errors(model: AtomModel, made: npt.NDArray[np.float32], search: Search, pixel: float) -> FoundAtoms:
    if not len(model):
        raise InputError("the projections support no atom: give an aligned series of one particle with pixels of 0.5 Å or less")
    expected = model.images(search.projector)
    weights = search.noise.weights(expected)
    by_tilt = ((search.images - expected) ** 2 * weights).mean(dim=(1, 2)).numpy() / search.noise.share_measured
    species, floor = mixture(model.masses.numpy(), search.species), floor_of(model, search.projector, weights)
    return FoundAtoms(model, species, floor, search.noise, float(by_tilt.mean()), by_tilt, pixel, made)


def _pixel_size(series: Series, given: float | None, closest: float) -> float:
    known = series.voxel_sizes_angstrom
    pixel = given if given is not None else None if known is None or known == (1.0, 1.0, 1.0) else known[2]
    if pixel is None:
        raise InputError(f"the pixel size of {series.path} is unknown: give --pixel-size in ångström")
    if not (math.isfinite(pixel) and 0 < pixel <= COARSEST * closest):
        raise InputError(
            f"pixels of {pixel:g} Å are too coarse for atoms {closest:g} Å apart: give pixels of {COARSEST * closest:.2g} Å or less, "
            "or the right pixel size (--pixel-size), if that in the file is wrong"
        )
    if given is None and known is not None and abs(known[0] - known[2]) > 1e-3 * known[2]:
        raise InputError(f"the pixels of {series.path} are {known[0]:g} by {known[2]:g} Å: resample it to square pixels first")
    return pixel


def _images_of(series: Series) -> tuple[Tensor, Tensor | None]:
    """Images (A, Y, N) float64, and which of their pixels were measured; None if all."""
    rows, masks = [], []
    for measurement in _blocks(series):
        rows.append(measurement.sinogram[:, 0])
        masks.append(measurement.mask.expand_as(measurement.sinogram)[:, 0])
    images, measured = torch.cat(rows).permute(1, 0, 2).double().contiguous(), torch.cat(masks).permute(1, 0, 2)
    return images, None if bool(measured.all()) else measured.contiguous()


def _first_volume(series: Series, options: AtomOptions) -> npt.NDArray[np.float32]:
    method = make_method(options.method, options.settings, options.device)
    blocks = _blocks(series, options.device, neighbours_in(method))
    return np.asarray(torch.cat([method(block)[:, 0].cpu() for block in blocks]).numpy(), np.float32)


def _blocks(series: Series, device: str = "cpu", neighbours: int = 0) -> Iterator[Measurement]:
    """All slices of a series, a few at a time."""
    for start in range(0, series.slices, SLICES_AT_ONCE):
        yield measurement_of(series, start, min(start + SLICES_AT_ONCE, series.slices), device, neighbours)


def _trace_places(volume: npt.NDArray[np.float32], closest: float, smooth: float, options: AtomOptions) -> npt.NDArray[np.float64]:
    """Positions of maxima at least half as high as a typical atom of the lightest species."""
    masses = masses_of(np.array(options.species or [1], np.int64))
    found = trace(volume, closest, smooth * closest).above(LEAST * float(masses.min() / masses.max()))
    if not len(found.places):
        raise InputError("the volume has no maximum that could be an atom: look at the volume")
    return found.places


def _fill_unmeasured(search: Search, model: AtomModel) -> Tensor:
    """Images whose unmeasured pixels are those of the model."""
    measured = search.noise.measured
    return search.images if measured is None else torch.where(measured, search.images, model.images(search.projector))


def _undo_shifts(images: Tensor, shifts: Tensor) -> tuple[Tensor, float]:
    """Images with their shifts undone, and the share of white noise that is left after interpolation."""
    from scipy.ndimage import shift

    if float(shifts.abs().max()) < SHIFTED:
        return images, 1.0

    def shifted(stack: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        back = [(-along, -across) for across, along in shifts.tolist()]
        return np.stack([shift(one, by, order=3, mode="nearest") for one, by in zip(stack, back, strict=True)])

    white = np.random.default_rng(0).normal(size=images.shape)
    return torch.from_numpy(shifted(images.numpy())), float(shifted(white).std())


def _with_masses_of(model: AtomModel, volume: npt.NDArray[np.float32]) -> AtomModel:
    """A model with the masses that the volume has around each position."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    width = float(model.widths.mean())
    middle = (np.array(volume.shape) - 1) / 2
    at = model.places.numpy()[:, [1, 2, 0]] + middle
    heights = map_coordinates(gaussian_filter(np.asarray(volume, np.float64), width / 2), at.T, order=1)
    return replace(model, masses=torch.from_numpy(heights * float(model.masses.sum()) / max(heights.sum(), 1e-30)))
