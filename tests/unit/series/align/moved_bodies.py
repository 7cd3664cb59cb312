"""Bodies of ellipsoids, projected exactly into images that are moved and turned: what an alignment has to find out is known."""

from __future__ import annotations

import numpy as np

from mwgan.series.align.pose import free_motion, turn

# density, middle (y, x, z) and half axes as shares of half the image; the first is the body, off the middle and not round
BODIES = (
    (1.0, (0.05, 0.1, -0.06), (0.52, 0.32, 0.24)),
    (1.5, (0.25, 0.22, 0.05), (0.1, 0.08, 0.07)),
    (1.2, (-0.2, -0.02, -0.12), (0.07, 0.11, 0.06)),
    (-0.7, (-0.05, 0.2, 0.02), (0.12, 0.06, 0.09)),
    (2.0, (0.02, -0.3, 0.15), (0.09, 0.08, 0.1)),
)
FINE = 2  # points a pixel, along each side


def projected(size: int, tilt_deg: np.ndarray, shifts_px: np.ndarray, angle_deg: float = 0.0) -> np.ndarray:
    """Images (A, size, size) whose content lies as a pose of these shifts (A, 2) and this angle says."""
    axis = (np.arange(size * FINE) + 0.5) / FINE - size / 2
    raw = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1) @ turn(angle_deg)
    images = np.zeros((len(tilt_deg), size * FINE, size * FINE))
    for number, (tilt, shift) in enumerate(zip(np.radians(tilt_deg), shifts_px, strict=True)):
        y, s = (raw - shift)[..., 0], (raw - shift)[..., 1]
        for density, middle, half_axes in BODIES:
            (y0, x0, z0), (a, b, c) = np.array(middle) * size / 2, np.array(half_axes) * size / 2
            # In units of the half axes the ray goes through (s cos + t sin, -s sin + t cos) in the plane (x, z).
            px, pz = (s * np.cos(tilt) - x0) / b, (-s * np.sin(tilt) - z0) / c
            dx, dz = np.sin(tilt) / b, np.cos(tilt) / c
            square, half = dx**2 + dz**2, px * dx + pz * dz
            inside = half**2 - square * (px**2 + pz**2 + ((y - y0) / a) ** 2 - 1)
            images[number] += density * 2 * np.sqrt(np.clip(inside, 0, None)) / square
    return images.reshape(len(tilt_deg), size, FINE, size, FINE).mean(axis=(2, 4)).astype(np.float32)


def noisy(images: np.ndarray, percent: float, seed: int = 0) -> np.ndarray:
    """With white noise, in percent of the brightest pixel."""
    noise = np.random.default_rng(seed).normal(0, percent / 100 * images.max(), images.shape)
    return (images + noise).astype(np.float32)


def errors(found: np.ndarray, angle_deg: float, true: np.ndarray, true_deg: float, tilt_deg: np.ndarray) -> tuple[float, float, float]:
    """Root mean square of what is wrong along and across the axis, in pixels, and the angle's error; where the specimen lies is free."""
    wrong = found @ turn(angle_deg - true_deg).T - true
    wrong = wrong - free_motion(wrong, tilt_deg)
    along, across = np.sqrt((wrong**2).mean(axis=0))
    return float(along), float(across), angle_deg - true_deg
