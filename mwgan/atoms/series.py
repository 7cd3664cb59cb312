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
from mwgan.atoms.search import Search, settled
from mwgan.atoms.species import mixture
from mwgan.atoms.tracing import LEAST, trace
from mwgan.data.nanocrystals.particle import masses_of
from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.memory import check_fits
from mwgan.operators.atoms import AtomProjector
from mwgan.recon.atom_volume import A_LITTLE_LESS, AtomSeries
from mwgan.recon.learned_atoms import LearnedAtoms, load_atom_network
from mwgan.recon.named import make_method, neighbours_in
from mwgan.recon.sharpened import sharpened
from mwgan.series.measured import Series, measurement_of

CLOSEST_ANGSTROM = 1.7  # but for hydrogen, no two atoms of a solid are nearer
COARSEST = 0.35  # of the closest distance: coarser pixels don't tell neighbours apart
SMOOTH, LESS_SMOOTH = 0.25, 0.18  # of the closest distance, by which the first and the sharpened volume are smoothed
REACH = 4.0  # widths; 1e-4 of an atom lies beyond
BEGINNING = 5  # steps of the refinement that finds the width
FIRST = "sirt"  # the first volume where a network makes the second
MOVED = 1.0  # pixels, from which on images are put back for the second volume
SLICES_AT_ONCE = 16
PASSES, BETTER = 3, 2e-4  # of sharpening, while each betters the misfit by this share
BYTES = 100  # of a pixel and of a voxel, for all that is kept of it at a time
Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """How atoms are looked for.

    Parameters
    ----------
    method, settings
        What the first volume is made by, slice by slice: a method of :func:`mwgan.recon.named.make_method`. Or a network of atoms
        (:func:`mwgan.recon.load_atom_network`), which makes the second volume: the first is SIRT's then.
    sharpen
        Make a volume that knows the width of an atom (:func:`mwgan.recon.sharpened.sharpened`), after a network's, too; the atoms of
        that volume are kept which tell more of the images for their number.
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
        Called with what it does.

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
    noise = noise_of(images.float(), series.geometry, measured)
    closest, projector = wanted.closest_angstrom / pixel, AtomProjector(series.geometry, slices, REACH)
    search = Search(images, projector, noise, closest, wanted.species, wanted.fits_images, wanted.fits_turns)
    network = load_atom_network(wanted.method, wanted.device)
    if network is not None and wanted.settings:
        raise InputError(f"{wanted.method} is a trained network and has no settings: leave {', '.join(wanted.settings)} out")
    first = wanted if network is None else replace(wanted, method=FIRST)
    if network is not None and (outside := network.outside_training(series.geometry)):
        say(outside)
    made = _reconstructed(series, first) if volume is None else volume
    places = _traced(made, closest, SMOOTH, wanted)
    say(f"{len(places)} atoms in the volume{'' if volume is not None else f' by {first.method}'}")
    model = search.begun(places, closest / 3)
    if volume is None and (network is not None or wanted.sharpen):
        model, _ = search.fitted(model, BEGINNING)
        return _of_both(search, model, network, wanted, pixel, say)
    if not wanted.refined:
        return _unrefined(model, made, search, pixel)
    return _judged(settled(search, model, say), made, search, pixel)


def _of_both(search: Search, model: AtomModel, network: LearnedAtoms | None, wanted: Wanted, pixel: float, say: Say) -> FoundAtoms:
    """Those atoms, of the network's volume and of sharpened ones, that tell most of the images for their number."""
    if network is None:
        return _by_second(search, model, None, wanted, pixel, say)
    # Where SIRT's volume lacks atoms, those it has are too wide; with those that the network adds they aren't.
    begun, _ = search.fitted(_begun(search, model, network, wanted, pixel, say)[0], BEGINNING)
    shown = _by_second(search, begun, network, wanted, pixel, say)
    if not (wanted.refined and wanted.sharpen):
        return shown
    # Sharpened with the width and shifts of the network's atoms, and without the network: it may miss too many atoms.
    candidates = shown, *(_by_second(search, before, None, wanted, pixel, say) for before in (shown.model, model))
    return min(candidates, key=lambda found: _criterion(search, found))


def _criterion(search: Search, found: FoundAtoms) -> float:
    """Squared residuals in units of the noise, and what an atom must take off them to be believed.

    One more atom always leaves a smaller residual. Fitted to noise, its four numbers take off about one each, which Akaike's criterion
    counts twice, and the best of P places another 2 ln P (the risk inflation criterion; Foster and George, Ann. Stat. 22, 1994).
    """
    pixels = search.images.numel() * search.noise.share_measured
    places = search.projector.slices * (search.projector.geometry.detector_size / search.closest) ** 2 / search.closest
    return found.misfit * pixels + 2 * (PER_ATOM + math.log(max(places, 1.0))) * len(found.model)


def _by_second(search: Search, model: AtomModel, network: LearnedAtoms | None, wanted: Wanted, pixel: float, say: Say) -> FoundAtoms:
    """Make a volume with what a model says of width and shifts, trace, refine; again, as long as that tells more of them."""
    best: FoundAtoms | None = None
    for _ in range(PASSES):
        model, made, surviving = _begun(search, model, network, wanted, pixel, say)
        if not wanted.refined:
            return _unrefined(model, made, search, pixel)
        places = len(model)
        found = _judged(settled(search, model, say), made, search, pixel)
        if best is not None and found.misfit > (1 - BETTER) * best.misfit:
            break
        best, model = found, found.model
        if surviving == 1.0 and len(found.model) == places:
            break
    assert best is not None
    return best


def _begun(
    search: Search, model: AtomModel, network: LearnedAtoms | None, wanted: Wanted, pixel: float, say: Say
) -> tuple[AtomModel, npt.NDArray[np.float32], float]:
    """The atoms in a second volume, that volume, and which share of the noise survived putting images back for it."""
    width = float(model.widths.mean())
    put_back, surviving = _put_back(_filled(search, model), model.shifts)
    series = AtomSeries(put_back, search.projector.geometry, width, surviving * search.noise.sigma)
    if network is None:
        made, smooth = sharpened(put_back, series.geometry, A_LITTLE_LESS * width, series.noise), LESS_SMOOTH
    else:
        made, smooth = network(series._replace(images=put_back.to(wanted.device))).cpu(), 0.0
    volume = made.numpy()
    places = _traced(volume, search.closest, smooth, wanted)
    by = "that knows their width" if network is None else "by the network"
    say(f"{len(places)} atoms in the volume {by}, {width * pixel:.2f} Å")
    return replace(search.begun(places, width), shifts=model.shifts, turns_deg=model.turns_deg), volume, surviving


def _unrefined(model: AtomModel, made: npt.NDArray[np.float32], search: Search, pixel: float) -> FoundAtoms:
    model = _weighed(model, made)
    return FoundAtoms(model, mixture(model.masses.numpy(), search.species), None, search.noise, math.nan, np.empty(0), pixel, made)


def _judged(model: AtomModel, made: npt.NDArray[np.float32], search: Search, pixel: float) -> FoundAtoms:
    if not len(model):
        raise InputError("no atom is borne out by the projections: give a series of one particle, aligned, of 0.5 Å pixels or less")
    expected = model.images(search.projector)
    weights = search.noise.weights(expected)
    by_tilt = ((search.images - expected) ** 2 * weights).mean(dim=(1, 2)).numpy() / search.noise.share_measured
    species, floor = mixture(model.masses.numpy(), search.species), floor_of(model, search.projector, weights)
    return FoundAtoms(model, species, floor, search.noise, float(by_tilt.mean()), by_tilt, pixel, made)


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
    for measurement in _blocks(series):
        rows.append(measurement.sinogram[:, 0])
        masks.append(measurement.mask.expand_as(measurement.sinogram)[:, 0])
    images, measured = torch.cat(rows).permute(1, 0, 2).double().contiguous(), torch.cat(masks).permute(1, 0, 2)
    return images, None if bool(measured.all()) else measured.contiguous()


def _reconstructed(series: Series, wanted: Wanted) -> npt.NDArray[np.float32]:
    method = make_method(wanted.method, wanted.settings, wanted.device)
    blocks = _blocks(series, wanted.device, neighbours_in(method))
    return np.asarray(torch.cat([method(block)[:, 0].cpu() for block in blocks]).numpy(), np.float32)


def _blocks(series: Series, device: str = "cpu", neighbours: int = 0) -> Iterator[Measurement]:
    """All slices of a series, a few at a time."""
    for start in range(0, series.slices, SLICES_AT_ONCE):
        yield measurement_of(series, start, min(start + SLICES_AT_ONCE, series.slices), device, neighbours)


def _traced(volume: npt.NDArray[np.float32], closest: float, smooth: float, wanted: Wanted) -> npt.NDArray[np.float64]:
    """Places of maxima that are as high as the lightest species would be, or half as high as most."""
    masses = masses_of(np.array(wanted.species or [1], np.int64))
    found = trace(volume, closest, smooth * closest).above(LEAST * float(masses.min() / masses.max()))
    if not len(found.places):
        raise InputError("the volume has no maximum that could be an atom: look at it first")
    return found.places


def _filled(search: Search, model: AtomModel) -> Tensor:
    """Images with what the model expects where they were not measured."""
    measured = search.noise.measured
    return search.images if measured is None else torch.where(measured, search.images, model.images(search.projector))


def _put_back(images: Tensor, shifts: Tensor) -> tuple[Tensor, float]:
    """Images that lie where they should, and which share of white noise survives that."""
    from scipy.ndimage import shift

    if float(shifts.abs().max()) < MOVED:
        return images, 1.0

    def moved(stack: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        aside = [(-along, -across) for across, along in shifts.tolist()]
        return np.stack([shift(one, by, order=3, mode="nearest") for one, by in zip(stack, aside, strict=True)])

    white = np.random.default_rng(0).normal(size=images.shape)
    return torch.from_numpy(moved(images.numpy())), float(moved(white).std())


def _weighed(model: AtomModel, volume: npt.NDArray[np.float32]) -> AtomModel:
    """A model whose masses are what the volume holds about each place."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    width = float(model.widths.mean())
    middle = (np.array(volume.shape) - 1) / 2
    at = model.places.numpy()[:, [1, 2, 0]] + middle
    heights = map_coordinates(gaussian_filter(np.asarray(volume, np.float64), width / 2), at.T, order=1)
    return replace(model, masses=torch.from_numpy(heights * float(model.masses.sum()) / max(heights.sum(), 1e-30)))
