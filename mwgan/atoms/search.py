"""Which atoms there are: those a volume shows, refined; dropped where projections don't bear them out, added where they ask for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from torch import Tensor

from mwgan.atoms.model import AtomModel
from mwgan.atoms.noise import PixelNoise
from mwgan.atoms.refinement import MassPrior, refine
from mwgan.atoms.species import Mixture, mixture
from mwgan.atoms.tracing import trace
from mwgan.operators import projector_for
from mwgan.operators.atoms import AtomProjector

ROUNDS = 6
SPREAD = 0.2  # of a species' mass, within which atoms are expected while it is decided which there are
LEAST = 0.5  # of the lightest species' mass: less is no atom
WORTH_TRYING, SURE = 0.25, 5.5  # a place is tried from so much of that mass on, and from so many standard deviations of the noise
TIRED = 0.5  # of the closest distance, within which a place that was given up is not tried again
EARLY, LATE = 6, 12  # steps of the refinements
Points = np.ndarray


@dataclass(frozen=True)
class Search:
    """What the search is made with.

    Parameters
    ----------
    images
        (A, Y, N) float64.
    projector
        That they are of.
    noise
        Of their pixels.
    closest
        Pixels: no two atoms are nearer to one another.
    species
        Atomic numbers, where they are known.
    fits_images, fits_turns
        Whether images may be displaced, and tilts be wrong.
    """

    images: Tensor
    projector: AtomProjector
    noise: PixelNoise
    closest: float
    species: Sequence[int] = ()
    fits_images: bool = True
    fits_turns: bool = False

    def fitted(self, model: AtomModel, steps: int, prior: MassPrior | None = None) -> tuple[AtomModel, float]:
        """The model refined, and its misfit over the number of pixels: about 1 where noise alone is left."""
        weights = self.noise.weights(model.images(self.projector))
        found = refine(model, self.images, self.projector, weights, self.fits_images, self.fits_turns, prior, steps)
        of_images = found.misfit - (prior.misfit(found.model) if prior else 0.0)
        return found.model, of_images / (self.images.numel() * self.noise.share_measured)

    def begun(self, places: Points, width: float) -> AtomModel:
        """A model of atoms that are all alike, and together as bright as the images."""
        at = torch.from_numpy(np.ascontiguousarray(places, np.float64))
        mass = float(self.images.sum()) / self.projector.geometry.tilts / max(len(at), 1)
        return AtomModel.of(at, torch.full((len(at),), mass, dtype=torch.float64), width, self.projector.geometry.tilts)


def settled(search: Search, model: AtomModel, told: Callable[[str], None] = lambda sentence: None) -> AtomModel:
    """Refine, drop and add in turn until nothing changes, or :data:`ROUNDS` are over; the end is a refinement without prior masses."""
    given_up = np.empty((0, 3))
    noise = search.noise
    for number in range(ROUNDS):
        species = mixture(model.masses.numpy(), search.species)
        model, misfit = search.fitted(model, EARLY, _prior(model, species))
        if not noise.counts:  # as strong as what is left, where a first look took it for stronger or weaker
            noise = replace(noise, sigma=noise.sigma * math.sqrt(misfit))
            search = replace(search, noise=noise)
        species = mixture(model.masses.numpy(), search.species)
        kept = borne_out(search, model, species)
        given_up = np.concatenate([given_up, model.places[~kept].numpy()])
        dropped = int((~kept).sum())
        model = model.only(kept)
        places, masses = wanted(search, model, species, given_up) if number + 1 < ROUNDS else (np.empty((0, 3)), np.empty(0))
        told(f"round {number + 1}: {len(model)} atoms, {dropped} dropped, {len(places)} to be tried")
        if not dropped and not len(places):
            break
        group = torch.zeros(len(places), dtype=torch.long)
        model = model.joined(torch.from_numpy(places), torch.from_numpy(masses), group)
    return _ended(search, model)


def _ended(search: Search, model: AtomModel) -> AtomModel:
    """Refined without prior masses, and again without those that don't bear that."""
    while True:
        model, _ = search.fitted(model, LATE)
        kept = borne_out(search, model, mixture(model.masses.numpy(), search.species))
        if bool(kept.all()) or not bool(kept.any()):
            return model
        model = model.only(kept)


def borne_out(search: Search, model: AtomModel, species: Mixture) -> Tensor:
    """(K,) boolean: heavy enough to be an atom, and not the lighter one of two that can't both be there."""
    masses, lightest = model.masses, float(species.means.min())
    kept = (masses > LEAST * lightest).numpy()
    pairs = cKDTree(model.places.numpy()).query_pairs(search.closest, output_type="ndarray")
    for one, other in pairs:
        if kept[one] and kept[other]:
            kept[one if masses[one] < masses[other] else other] = False
    inside = (model.places[:, [0, 2]].abs() <= search.projector.geometry.detector_size / 2).all(1).numpy()
    inside &= (model.places[:, 1].abs() <= search.projector.slices / 2).numpy()
    return torch.from_numpy(kept & inside)


def wanted(search: Search, model: AtomModel, species: Mixture, given_up: Points) -> tuple[Points, Points]:
    """Places (M, 3) where what is left of the images asks for an atom, and how heavy (M,) it looks.

    What is left is smoothed by the shape of an atom and projected back: the mass that an atom there would have if it overlapped none.
    """
    geometry, width = search.projector.geometry, float(model.widths.mean())
    expected = model.images(search.projector)
    left = search.images - expected
    left = left if search.noise.measured is None else left * search.noise.measured
    smooth = torch.from_numpy(gaussian_filter(left.numpy(), (0, width, width)))
    rows = smooth.permute(1, 0, 2).unsqueeze(1).float().contiguous()
    power = geometry.tilts / (4 * math.pi * (width**2 + 1 / 12))
    volume = projector_for(geometry).adjoint(rows)[:, 0].numpy() / power
    seen = trace(volume, search.closest, smoothing=0.0)
    least = max(WORTH_TRYING * float(species.means.min()), SURE * search.noise.where_bright(expected) / math.sqrt(power))
    places = seen.places[seen.heights > least]
    for others, distance in ((model.places.numpy(), search.closest), (given_up, TIRED * search.closest)):
        if len(others) and len(places):
            places = places[cKDTree(others).query(places)[0] > distance]
    return places, np.full(len(places), 0.7 * float(species.means.min()))


def _prior(model: AtomModel, species: Mixture) -> MassPrior:
    means = torch.from_numpy(species.means[species.of(model.masses.numpy())])
    return MassPrior(means, SPREAD * means)
