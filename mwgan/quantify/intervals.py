"""From the spread of a quantity to its 90 % confidence interval, calibrated on simulated specimens.

The interval of a quantity q is q exp(s r) for r from ``low`` to ``high``, where s is its spread (:mod:`mwgan.quantify.spread`). The two
are quantiles of (log truth - log q) / s over simulated specimens, one pair for each quantity, kind of method and wedge: split conformal
prediction with normalised scores. The interval always contains q itself: if all truths are on one side of q, the quantile on that side
is that of 90 % and the other is 0. ``benchmarks/quantify.py`` fits them.

References
----------
Lei et al., J. American Statistical Association 113 (2018) 1094–1111.
"""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mwgan.quantify.spread import Spread

TABLE = Path(__file__).with_name("calibration.json")
LEVEL = 0.9
STANDARD = 1.645  # standard deviations of a normal error on either side that hold 90 %
PATCH = 3.0  # voxels: assumed correlation length of surface errors
CLASSICAL = {"sirt": "sirt", "sart": "sirt", "astra_sirt": "sirt", "astra_sart": "sirt", "tomopy_sirt": "sirt"}
NETWORKS = ("lpd", "lpd_guided", "lpd_gan", "auto")
ANY = "any"


class Interval(NamedTuple):
    """A value and its 90 % confidence interval."""

    value: float
    low: float
    high: float


class Reach(NamedTuple):
    """Quantiles of the truth around a value, in units of its spread."""

    low: float
    high: float


def kind_of_method(method: str | None) -> str:
    """The calibration for a method: ``sirt``, ``tvm`` or ``network``; ``any``, the widest of them, for all others."""
    name = Path(method or "").name
    if name in CLASSICAL:
        return CLASSICAL[name]
    if name.startswith("tvm"):
        return "tvm"
    return "network" if name in NETWORKS else ANY


def reach(quantity: str, kind: str, wedge_deg: float) -> Reach:
    """The quantiles of a quantity for a kind of method, linearly interpolated between the calibrated wedges."""
    tables = _calibration()
    kinds = list(tables) if kind == ANY else [kind]
    found = []
    for one in kinds:
        by_wedge = sorted((float(wedge), pair) for wedge, pair in tables[one][quantity].items())
        wedges = [wedge for wedge, _ in by_wedge]
        found.append([float(np.interp(wedge_deg, wedges, [pair[end] for _, pair in by_wedge])) for end in (0, 1)])
    return Reach(min(pair[0] for pair in found), max(pair[1] for pair in found))


def interval(value: float, spread: float, quantiles: Reach, chance: float = 0.0) -> Interval:
    """The interval of a quantity above 0.

    ``chance`` is an additional standard deviation of its logarithm, from parts of the tilts or an uncertainty volume.
    """
    low, high = (math.hypot(spread * end, STANDARD * chance) for end in quantiles)
    return Interval(value, value * math.exp(-low), value * math.exp(high))


def chance_of_voxels(all_together: Spread, surface_nm2: float, voxel_nm: tuple[float, float, float]) -> Spread:
    """Effect of voxel uncertainties on a particle: surface errors are correlated within a patch, and independent beyond."""
    patches = max(1.0, surface_nm2 / (PATCH**2 * float(np.prod(voxel_nm)) ** (2 / 3)))
    return {name: move / math.sqrt(patches) for name, move in all_together.items()}


def fitted(scores: np.ndarray) -> Reach:
    """The conformal quantiles of scores (n,): a further exchangeable score lies between them with 90 % or more."""
    ordered, count = np.sort(np.asarray(scores, float)), len(scores)

    def below(share: float) -> float:
        return float(ordered[max(0, math.floor((count + 1) * share) - 1)])

    def above(share: float) -> float:
        return float(ordered[min(count - 1, math.ceil((count + 1) * share) - 1)])

    rest = 1 - LEVEL
    low, high = below(rest / 2), above(1 - rest / 2)
    if low > 0:
        return Reach(0.0, above(LEVEL))
    return Reach(below(rest), 0.0) if high < 0 else Reach(low, high)


@lru_cache(maxsize=1)
def _calibration() -> dict[str, dict[str, dict[str, tuple[float, float]]]]:
    found: dict[str, dict[str, dict[str, tuple[float, float]]]] = json.loads(TABLE.read_text(encoding="utf-8"))["quantiles"]
    return found
