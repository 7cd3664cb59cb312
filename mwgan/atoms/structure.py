"""How the neighbours of each atom are stacked: faults and twins of a close-packed crystal, by common neighbours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

REACH = (1 + np.sqrt(2)) / 2  # nearest neighbours' distances: halfway to the second ones
FULL = 12
OTHER, FCC, HCP = 0, 1, 2


class Faults(NamedTuple):
    """Atoms in hexagonal stacking: a twin plane is one layer of them, a stacking fault two."""

    true: int
    found: int
    right: int
    """Of the found ones, those that are true ones."""


def stacking(positions: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(K,): :data:`FCC`, :data:`HCP` or :data:`OTHER`, which surface atoms and disordered ones are.

    References
    ----------
    Honeycutt and Andersen, J. Phys. Chem. 91 (1987) 4950–4963: pairs 421 alone are face-centred cubic, six each of 421 and 422 hexagonal.
    """
    if len(positions) <= FULL:
        return np.full(len(positions), OTHER, np.int64)
    tree = cKDTree(positions)
    reach = REACH * float(np.median(tree.query(positions, 2)[0][:, 1]))
    neighbours = [set(one) - {place} for place, one in enumerate(tree.query_ball_point(positions, reach))]
    kinds = np.full(len(positions), OTHER, np.int64)
    for place, around in enumerate(neighbours):
        if len(around) != FULL:
            continue
        pairs = [_pair(around & neighbours[other], neighbours) for other in around]
        cubic, hexagonal = pairs.count((4, 2, 1)), pairs.count((4, 2, 2))
        if cubic == FULL:
            kinds[place] = FCC
        elif cubic == hexagonal == FULL // 2:
            kinds[place] = HCP
    return kinds


def faults(found: npt.NDArray[np.float64], true: npt.NDArray[np.float64], within_angstrom: float = 0.9) -> Faults:
    """Atoms in hexagonal stacking, of found and of true positions (K, 3), which lie over one another."""
    ours, theirs = (one[stacking(one) == HCP] for one in (found, true))
    if not len(ours) or not len(theirs):
        return Faults(len(theirs), len(ours), 0)
    return Faults(len(theirs), len(ours), int((cKDTree(theirs).query(ours)[0] < within_angstrom).sum()))


def _pair(common: set[int], neighbours: list[set[int]]) -> tuple[int, int, int]:
    """Common neighbours, bonds among them, and bonds in the longest chain of these."""
    bonds = [(one, other) for one in common for other in common if one < other and other in neighbours[one]]
    return len(common), len(bonds), _longest(bonds)


def _longest(bonds: list[tuple[int, int]]) -> int:
    def follow(end: int, left: frozenset[tuple[int, int]]) -> int:
        onward = [(bond, bond[0] if bond[1] == end else bond[1]) for bond in left if end in bond]
        return max((1 + follow(other, left - {bond}) for bond, other in onward), default=0)

    return max((follow(end, frozenset(bonds)) for bond in bonds for end in bond), default=0)
