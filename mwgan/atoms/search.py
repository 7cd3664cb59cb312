"""Which atoms there are: those of a volume, refined; dropped and added until they explain the projections."""

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
WORTH_TRYING, SURE = (
    0.25,
    5.5,
)  # an atom is tried where the residual has so much of that mass, and of so many standard deviations of the noise
NEAR_REJECTED = 0.5  # of the closest distance, within which a rejected place is not tried again
EARLY, LATE = 6, 12  # steps of the refinements
Points = np.ndarray


@dataclass(frozen=True)
class Search:
    """Images, and what is known of them.

    Parameters
    ----------
    images
        (A, Y, N) float64.
    projector
        Of atoms onto these images.
    noise
        Of their pixels.
    closest
        The least distance between two atoms, in pixels.
    species
        Atomic numbers, if known.
    fits_images, fits_turns
        Whether shifts of the images, and errors of the tilts, are fitted.
    """

    images: Tensor
    projector: AtomProjector
    noise: PixelNoise
    closest: float
    species: Sequence[int] = ()
    fits_images: bool = True
    fits_turns: bool = False

    def fitted(self, model: AtomModel, steps: int, prior: MassPrior | None = None) -> tuple[AtomModel, float]:
        """The refined model, and its misfit over the number of pixels: about 1 if only noise is left."""
        weights = self.noise.weights(model.images(self.projector))
        found = refine(model, self.images, self.projector, weights, self.fits_images, self.fits_turns, prior, steps)
        of_images = found.misfit - (prior.misfit(found.model) if prior else 0.0)
        return found.model, of_images / (self.images.numel() * self.noise.share_measured)

    def initial_model(self, places: Points, width: float) -> AtomModel:
        """Atoms of equal mass and width that are together as bright as the images."""
        at = torch.from_numpy(np.ascontiguousarray(places, np.float64))
        mass = float(self.images.sum()) / self.projector.geometry.tilts / max(len(at), 1)
        return AtomModel.of(at, torch.full((len(at),), mass, dtype=torch.float64), width, self.projector.geometry.tilts)


def search_atoms(search: Search, model: AtomModel, report: Callable[[str], None] = lambda sentence: None) -> AtomModel:
    """Refine, drop and add atoms until nothing changes, for :data:`ROUNDS` at most; at the end refine without prior masses."""
    rejected = np.empty((0, 3))
    noise = search.noise
    for number in range(ROUNDS):
        species = mixture(model.masses.numpy(), search.species)
        model, misfit = search.fitted(model, EARLY, _prior(model, species))
        if not noise.counts:  # the residual gives a better estimate than the images did
            noise = replace(noise, sigma=noise.sigma * math.sqrt(misfit))
            search = replace(search, noise=noise)
        species = mixture(model.masses.numpy(), search.species)
        kept = supported(search, model, species)
        rejected = np.concatenate([rejected, model.places[~kept].numpy()])
        dropped = int((~kept).sum())
        model = model.only(kept)
        places, masses = propose_atoms(search, model, species, rejected) if number + 1 < ROUNDS else (np.empty((0, 3)), np.empty(0))
        report(f"round {number + 1}: {len(model)} atoms, {dropped} dropped, {len(places)} to be tried")
        if not dropped and not len(places):
            break
        group = torch.zeros(len(places), dtype=torch.long)
        model = model.joined(torch.from_numpy(places), torch.from_numpy(masses), group)
    return _refine_freely(search, model)


def _refine_freely(search: Search, model: AtomModel) -> AtomModel:
    """Refine without prior masses, and again without the atoms that this makes too light or too close."""
    while True:
        model, _ = search.fitted(model, LATE)
        kept = supported(search, model, mixture(model.masses.numpy(), search.species))
        if bool(kept.all()) or not bool(kept.any()):
            return model
        model = model.only(kept)


def supported(search: Search, model: AtomModel, species: Mixture) -> Tensor:
    """(K,) boolean: inside the volume, heavy enough for an atom, and not the lighter of two that are too close."""
    masses, lightest = model.masses, float(species.means.min())
    kept = (masses > LEAST * lightest).numpy()
    pairs = cKDTree(model.places.numpy()).query_pairs(search.closest, output_type="ndarray")
    for one, other in pairs:
        if kept[one] and kept[other]:
            kept[one if masses[one] < masses[other] else other] = False
    inside = (model.places[:, [0, 2]].abs() <= search.projector.geometry.detector_size / 2).all(1).numpy()
    inside &= (model.places[:, 1].abs() <= search.projector.slices / 2).numpy()
    return torch.from_numpy(kept & inside)


def propose_atoms(search: Search, model: AtomModel, species: Mixture, rejected: Points) -> tuple[Points, Points]:
    """Places (M, 3) where the residual of the images has room for an atom, and a mass (M,) to start from.

    The residual is smoothed by the shape of an atom and projected back: the mass of an atom there that overlaps no other.
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
    for others, distance in ((model.places.numpy(), search.closest), (rejected, NEAR_REJECTED * search.closest)):
        if len(others) and len(places):
            places = places[cKDTree(others).query(places)[0] > distance]
    return places, np.full(len(places), 0.7 * float(species.means.min()))


def _prior(model: AtomModel, species: Mixture) -> MassPrior:
    means = torch.from_numpy(species.means[species.of(model.masses.numpy())])
    return MassPrior(means, SPREAD * means)
