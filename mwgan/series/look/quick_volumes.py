"""Position and direction of the tilt axis by the residuals of quick reconstructions, where masses don't determine them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import SIRT
from mwgan.series.look.axis import centre_path
from mwgan.series.look.statistics import Array, Statistics
from mwgan.trust import relative_residual

REACH = 1 / 16  # of the detector: search range on either side
FEWEST_TILTS, SMALLEST = 5, 8  # images, and their pixels, needed to determine the direction
FINEST = 96  # detector pixels at most
SLICES = 4
COARSE = 5  # positions of the axis tried for its direction
BETTER = 2.0  # required ratio of residuals for the other direction


def offset_by_residual(rows: Array, tilt_deg: Array) -> tuple[float, float]:
    """The offset at which a quick reconstruction of rows (S, A, N) fits best, and the ratio of the residual without offset to it.

    For specimens that leave the field, whose centre of mass is meaningless.
    """
    residual, factor = _quick(rows, tilt_deg)
    reach_px = REACH * rows.shape[2]
    grid = np.linspace(-reach_px, reach_px, 2 * max(2, round(reach_px / factor)) + 1)
    values = [residual(offset) for offset in grid]
    best = int(np.argmin(values))
    low, high = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    found = minimize_scalar(residual, bounds=(low, high), method="bounded", options={"xatol": 0.05, "maxiter": 12})
    return float(found.x), residual(0.0) / max(float(found.fun), 1e-9)


def far_better_along_x(seen: Statistics, level: float) -> bool:
    """Whether a quick reconstruction around an axis along x fits the images far better than any around one along y.

    Used if the specimen leaves the field across an axis along y, and not across one along x; ``level`` is that of the surroundings.
    """
    if len(seen.numbers) < FEWEST_TILTS or min(seen.shape) < SMALLEST:
        return False
    path = centre_path(seen, "x", level)
    if path is None:
        return False
    along_x, _ = _quick(slices_of(seen, "x") - level, seen.tilt_deg)
    along_y, _ = _quick(slices_of(seen, "y") - level, seen.tilt_deg)
    reach_px = REACH * seen.shape[1]
    return BETTER * along_x(path.offset_px) < min(along_y(offset) for offset in np.linspace(-reach_px, reach_px, COARSE))


def slices_of(seen: Statistics, axis: str) -> Array:
    """A few rows (S, A, N) across a tilt axis along ``x`` or ``y``; 0 where nothing is known."""
    bands = seen.by_columns if axis == "y" else seen.by_rows
    return np.nan_to_num(bands[:, np.linspace(0, bands.shape[1] - 1, min(SLICES, bands.shape[1])).astype(int)]).swapaxes(0, 1)


def _quick(rows: Array, tilt_deg: Array) -> tuple[Callable[[float], float], int]:
    """The residual of quick reconstructions of binned rows (S, A, N) as a function of the axis' offset in pixels; and the binning."""
    size = rows.shape[2]
    factor = max(1, size // FINEST)
    kept = size // factor
    binned = rows[..., : kept * factor].reshape(*rows.shape[:2], kept, factor).mean(axis=3)
    shift = (size - kept * factor) / 2
    sinogram = torch.from_numpy(np.ascontiguousarray(binned, dtype=np.float32)).unsqueeze(1)
    measured = torch.ones(len(tilt_deg), dtype=torch.bool)

    def residual(offset_px: float) -> float:
        geometry = TiltGeometry(tuple(tilt_deg.tolist()), kept, axis_offset_px=(offset_px + shift) / factor)
        measurement = Measurement(sinogram, measured, geometry)
        return float(relative_residual(SIRT(iterations=20)(measurement), measurement).mean())

    return residual, factor
