"""Rendering of a shaded isosurface in orthographic projection, by numpy only, so on any machine."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STEPS_PER_VOXEL = 1
LIGHT = np.array([-0.4, -0.6, -0.7])  # to the left, up, and towards the viewer
AMBIENT, FOG = 0.35, 0.45  # ambient light, and its attenuation at the far end


def isosurface(
    volume: npt.NDArray[np.float32],
    level: float,
    turn: npt.NDArray[np.float64],
    pixels: int = 180,
    color: tuple[float, float, float] = (0.95, 0.75, 0.25),
) -> npt.NDArray[np.float64]:
    """A picture (pixels, pixels, 4) of where a volume rises above a level.

    Parameters
    ----------
    volume
        (Y, Z, X).
    level
        Voxels above it are solid.
    turn
        (3, 3): rows are the directions right, down and away from the viewer, in x, y, z.
    pixels
        Along each side.
    color
        Of the surface, red, green and blue in [0, 1].
    """
    reach = 0.6 * max(volume.shape)
    across = np.linspace(-reach, reach, pixels)
    plane = across[None, :, None] * turn[0] + across[:, None, None] * turn[1]
    depth = np.full((pixels, pixels), np.inf)
    before = np.zeros((pixels, pixels))
    for step in np.arange(-reach, reach, 1 / STEPS_PER_VOXEL):
        open_ones = np.flatnonzero(np.isinf(depth))
        here = _sampled(volume, plane.reshape(-1, 3)[open_ones] + step * turn[2])
        met = here > level
        last = before.flat[open_ones[met]]
        depth.flat[open_ones[met]] = step - (here[met] - level) / np.maximum(here[met] - last, 1e-12) / STEPS_PER_VOXEL
        before.flat[open_ones] = here
    there = np.isfinite(depth)
    known = np.where(there, depth, reach)
    spacing = 2 * reach / (pixels - 1)
    down, right = np.gradient(known, spacing)
    normal = np.stack([right, down, -np.ones_like(known)], axis=-1) / np.sqrt(right**2 + down**2 + 1)[..., None]
    light = np.clip(normal @ LIGHT / np.linalg.norm(LIGHT), 0, 1)
    near = 1 - FOG * (known - known.min()) / max(2 * reach, 1e-9)
    picture = np.zeros((pixels, pixels, 4))
    picture[there, :3] = np.clip((AMBIENT + (1 - AMBIENT) * light) * near, 0, 1)[there][:, None] * np.array(color)
    picture[..., 3] = there
    return picture


def _sampled(volume: npt.NDArray[np.float32], places: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Values at places (K, 3), x, y, z in voxels from the middle, between the eight voxels about each; 0 outside."""
    at = places[:, [1, 2, 0]] + (np.array(volume.shape) - 1) / 2
    whole = np.floor(at).astype(int)
    share = at - whole
    inside = ((whole >= 0) & (whole < np.array(volume.shape) - 1)).all(axis=1)
    found = np.zeros(len(places))
    whole, share = whole[inside], share[inside]
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, share, 1 - share), axis=1)
        found[inside] += weight * volume[tuple((whole + corner).T)]
    return found
