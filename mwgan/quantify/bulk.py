"""Quantities of a volume as a whole: volume fractions, porosity, thickness of layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mwgan.quantify.intervals import Interval, Reach, interval
from mwgan.quantify.labels import MARGIN, TOUCHING
from mwgan.quantify.materials import Materials
from mwgan.quantify.spread import THRESHOLD_SHARE

LEAST_SPREAD = 0.05  # of a porosity's logarithm: pores are counted in whole voxels


@dataclass(frozen=True)
class VolumeNumber:
    """One quantity of a whole volume, with its interval.

    Parameters
    ----------
    name, material
        Name, and material counted from 1; 0 for the volume as a whole.
    interval
        In ``unit``.
    unit
        ``nm``, ``nm2``, ``nm3`` or 1.
    safe
        False if it depends on the missing wedge.
    """

    name: str
    material: int
    interval: Interval
    unit: str
    safe: bool


def hull_of(solid: npt.NDArray[np.bool_], closing: int) -> npt.NDArray[np.bool_]:
    """A specimen with its enclosed voids; gaps up to ``closing`` voxels to either side count as enclosed."""
    from scipy.ndimage import binary_closing, binary_fill_holes

    if closing:
        ball = np.linalg.norm(np.indices((2 * closing + 1,) * 3) - closing, axis=0) <= closing
        padded = np.pad(solid, closing)
        solid = solid | binary_closing(padded, ball)[(slice(closing, -closing),) * 3]
    return np.asarray(binary_fill_holes(solid))


class Specimen:
    """All particles of a volume together, and their porosity.

    Parameters
    ----------
    labels
        (Y, Z, X): 0 outside of particles.
    closing
        Voxels to either side of a gap that counts as a pore; 0 for enclosed voids only.
    """

    def __init__(self, labels: npt.NDArray[np.int32], closing: int = 0) -> None:
        from scipy.ndimage import binary_dilation, find_objects

        (window,) = find_objects((labels > 0).astype(np.int8))
        reach = MARGIN + closing
        self._window = tuple(slice(max(0, part.start - reach), part.stop + reach) for part in window)
        self._about = np.asarray(binary_dilation(labels[self._window] > 0, TOUCHING, iterations=MARGIN))
        self._closing = closing

    def porosity(self, volume: npt.NDArray[np.floating], materials: Materials) -> float:
        """Void fraction of the hull, in the volume or a similar one; everything outside is ignored."""
        solid = (volume[self._window] > materials.thresholds[0]) & self._about
        hull = hull_of(solid, self._closing)
        count = int(hull.sum())
        return 1.0 - int((hull & solid).sum()) / count if count else 0.0

    def porosities(self, volume: npt.NDArray[np.floating], materials: Materials) -> tuple[float, float, float]:
        """The porosity at the given, lower and higher thresholds."""
        shares = 0.0, -THRESHOLD_SHARE, THRESHOLD_SHARE
        found = [self.porosity(volume, materials.moved(share)) for share in shares]
        return found[0], found[1], found[2]


def porosity_spread(value: float, moved: Sequence[float]) -> float:
    """Spread of the logarithm of a porosity, from its values at other thresholds."""
    logs = np.clip([math.log(one / value) if one > 0 else -1.0 for one in moved], -1.0, 1.0)
    return max(LEAST_SPREAD, float(max(0.0, logs.max()) - min(0.0, logs.min())) / 2)


def porosity_interval(value: float, moved: Sequence[float], parts: Sequence[float], quantiles: Reach) -> Interval:
    """The interval of a porosity, from its values at other thresholds and in volumes that each leave out a part of the tilts."""
    if value <= 0:
        return Interval(value, 0.0, max(0.0, value, *moved, *parts))
    groups = len(parts)
    chance = math.sqrt((groups - 1) * float(np.var(np.log(np.maximum(parts, 1e-9))))) if groups > 1 else 0.0
    found = interval(value, porosity_spread(value, moved), quantiles, chance)
    return Interval(value, found.low, min(1.0, found.high))
