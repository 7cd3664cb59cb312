"""Found atoms compared with true ones: found, missed and invented ones, RMSD, species, and vacancies seen and invented."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

Points = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
WITHIN_ANGSTROM = 0.9
ROUNDS = 10


@dataclass(frozen=True)
class AtomMatch:
    """The result of a comparison.

    ``found`` true atoms have a found one within the distance, ``missed`` have none; ``invented`` found ones have no true one. ``rmsd_pm``
    is that of the found ones in 3-D, without the rigid shift (3,) ``shift_angstrom`` between both. ``species`` is the share of right
    species, NaN if none are given. Of the true ``vacancies``, ``seen`` have no found atom within the distance; ``holes`` are sites of
    true atoms inside the crystal without a found atom: what looks like a vacancy and is none.
    """

    found: int
    missed: int
    invented: int
    rmsd_pm: float
    rmsd_z_pm: float
    species: float
    vacancies: int
    seen: int
    holes: int
    shift_angstrom: tuple[float, float, float]

    @property
    def wrong_percent(self) -> float:
        """Missed and invented, in percent of the true atoms."""
        return 100 * (self.missed + self.invented) / max(self.found + self.missed, 1)

    def as_row(self) -> dict[str, Any]:
        """For a table."""
        row = asdict(self) | {"wrong_percent": self.wrong_percent}
        row.pop("shift_angstrom")
        return row


def match_atoms(
    found: Points,
    true: Points,
    found_numbers: Numbers | None = None,
    true_numbers: Numbers | None = None,
    vacancies: Points | None = None,
    within_angstrom: float = WITHIN_ANGSTROM,
) -> AtomMatch:
    """Compare positions (K, 3) with true ones (T, 3), both in ångström; ``vacancies`` (V, 3) are true ones.

    Each is matched once, so that the sum of distances is minimal. Both must lie within about ``within_angstrom`` of one another
    beforehand; rotations are not corrected.
    """
    shift = np.zeros(3)
    pairs = (np.empty(0, np.int64), np.empty(0, np.int64))
    for _ in range(ROUNDS):
        pairs = _pairs(found - shift, true, within_angstrom)
        if not len(pairs[0]):
            break
        more = (found[pairs[0]] - shift - true[pairs[1]]).mean(axis=0)
        shift = shift + more
        if np.abs(more).max() < 1e-6:
            break
    ours, theirs = pairs
    off = found[ours] - shift - true[theirs]
    both_known = found_numbers is not None and true_numbers is not None and bool(np.any(found_numbers)) and len(ours) > 0
    right = float(np.mean(found_numbers[ours] == true_numbers[theirs])) if both_known else float("nan")  # type: ignore[index]
    gone = np.empty((0, 3)) if vacancies is None else vacancies
    near = cKDTree(found - shift).query(gone)[0] if len(gone) and len(found) else np.full(len(gone), np.inf)
    missing = np.setdiff1d(np.arange(len(true)), theirs)
    return AtomMatch(
        found=len(ours),
        missed=len(missing),
        invented=len(found) - len(ours),
        rmsd_pm=100 * float(np.sqrt((off**2).sum(axis=1).mean())) if len(ours) else float("nan"),
        rmsd_z_pm=100 * float(np.sqrt((off[:, 2] ** 2).mean())) if len(ours) else float("nan"),
        species=right,
        vacancies=len(gone),
        seen=int((near > within_angstrom).sum()),
        holes=int(_inside(true, gone)[missing].sum()),
        shift_angstrom=(float(shift[0]), float(shift[1]), float(shift[2])),
    )


def _pairs(found: Points, true: Points, within: float) -> tuple[Numbers, Numbers]:
    """Indices of found and true atoms that match."""
    if not len(found) or not len(true):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    near = cKDTree(found).sparse_distance_matrix(cKDTree(true), within, output_type="coo_matrix")
    ours, theirs = np.unique(near.row), np.unique(near.col)
    if not len(ours):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    costs = np.full((len(ours), len(theirs)), 1e3 * within)
    costs[np.searchsorted(ours, near.row), np.searchsorted(theirs, near.col)] = near.data
    row, column = linear_sum_assignment(costs)
    real = costs[row, column] <= within
    return ours[row[real]].astype(np.int64), theirs[column[real]].astype(np.int64)


def _inside(true: Points, vacancies: Points) -> npt.NDArray[np.bool_]:
    """Which true atoms have all the neighbours that a close-packed crystal gives, vacancies counted as neighbours."""
    sites = np.concatenate([true, vacancies])
    if len(sites) < 2:
        return np.zeros(len(true), bool)
    tree = cKDTree(sites)
    reach = 1.2 * float(np.median(tree.query(sites, 2)[0][:, 1]))
    return np.array([len(one) - 1 >= 12 for one in tree.query_ball_point(true, reach)], bool)
