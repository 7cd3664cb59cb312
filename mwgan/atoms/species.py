"""Which species an atom is, by its mass: as many groups as are given, or as the masses support."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mwgan.data.nanocrystals.particle import masses_of

Numbers = npt.NDArray[np.float64]
MOST = 3  # species that are looked for if none is given
STEPS = 200
NARROWEST = 0.02  # of a mean: how alike atoms of a species are at best
EVIDENCE = 30.0  # by which a further species must lower the Bayesian information criterion
FEWEST = 5  # atoms of a species
GUESSES = (0.35, 0.5, 0.65, 0.8, 0.9, 0.97)  # quantiles at which the heaviest species may lie


@dataclass(frozen=True)
class Mixture:
    """Normal distributions of masses, from light to heavy.

    ``means``, ``spreads`` and ``shares`` (S,); ``numbers`` are the species' atomic numbers, 0 if unknown.
    """

    means: Numbers
    spreads: Numbers
    shares: Numbers
    numbers: tuple[int, ...]

    def of(self, masses: Numbers) -> npt.NDArray[np.int64]:
        """(K,): the likeliest species of each atom."""
        return np.asarray(self._logs(masses).argmax(axis=1), np.int64)

    def certainty(self, masses: Numbers) -> Numbers:
        """(K,): how probable that species is, by the mixture."""
        logs = self._logs(masses)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(shares.max(axis=1) / shares.sum(axis=1), np.float64)

    def bic(self, masses: Numbers) -> float:
        """The Bayesian information criterion: less is better."""
        logs = self._logs(masses)
        top = logs.max(axis=1)
        likelihood = (top + np.log(np.exp(logs - top[:, None]).sum(axis=1))).sum()
        return float(-2 * likelihood + (3 * len(self.means) - 1) * math.log(max(len(masses), 2)))

    def _logs(self, masses: Numbers) -> Numbers:
        steps = (masses[:, None] - self.means) / self.spreads
        logs: Numbers = -0.5 * steps**2 - np.log(self.spreads) + np.log(np.maximum(self.shares, 1e-12))
        return logs


def mixture(masses: Numbers, species: Sequence[int] = ()) -> Mixture:
    """The species of atoms with these masses (K,).

    Parameters
    ----------
    masses
        Of all atoms.
    species
        Atomic numbers, if known. The fit starts from masses in proportion to the power of the atomic number that HAADF follows.
        Empty: as many species as the masses support, up to :data:`MOST`.
    """
    if species:
        return _known_mixture(masses, species)
    best = _fitted(masses, np.array([np.median(masses)]), (0,))
    for count in range(2, MOST + 1):
        starts = np.quantile(masses, (np.arange(count) + 0.5) / count) * (1 + 0.05 * (np.arange(count) - (count - 1) / 2))
        more = _fitted(masses, starts, (0,) * count)
        if (more.shares * len(masses)).min() < FEWEST or best.bic(masses) - more.bic(masses) < EVIDENCE:
            break
        best = more
    return best


def _known_mixture(masses: Numbers, species: Sequence[int]) -> Mixture:
    """The best fit of known species, over several starting masses of the heaviest one."""
    ordered = tuple(sorted(species))
    ratios = masses_of(np.array(ordered)) / masses_of(np.array(ordered[-1:]))
    guesses = np.quantile(masses, GUESSES) if len(ordered) > 1 else [np.median(masses)]
    made = [_fitted(masses, guess * ratios, ordered) for guess in guesses]
    return min(made, key=lambda one: one.bic(masses))


def _fitted(masses: Numbers, means: Numbers, numbers: tuple[int, ...]) -> Mixture:
    """Expectation and maximisation; a spread is no less than :data:`NARROWEST` of its mean."""
    count = len(means)
    spreads = np.maximum(0.15 * np.abs(means), 1e-9)
    found = Mixture(np.asarray(means, np.float64), spreads, np.full(count, 1 / count), numbers)
    for _ in range(STEPS if count > 1 else 3):
        logs = found._logs(masses)
        parts = np.exp(logs - logs.max(axis=1, keepdims=True))
        parts /= parts.sum(axis=1, keepdims=True)
        whole = np.maximum(parts.sum(axis=0), 1e-9)
        new = (parts * masses[:, None]).sum(axis=0) / whole
        spread = np.sqrt((parts * (masses[:, None] - new) ** 2).sum(axis=0) / whole)
        floor = np.maximum(NARROWEST * np.abs(new), 1e-9)
        before, found = found, Mixture(new, np.maximum(spread, floor), whole / len(masses), numbers)
        if np.allclose(before.means, found.means, rtol=1e-6) and np.allclose(before.spreads, found.spreads, rtol=1e-4):
            break
    return found
