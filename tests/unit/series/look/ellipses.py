"""Series of ellipses, whose projections are known exactly, and what goes wrong with series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np

BODY, CORE, HOLE = (1.0, 0.0, 0.02, 0.5, 0.38, 0.0), (0.7, -0.2, -0.1, 0.15, 0.1, 25.0), (-0.5, 0.2, 0.12, 0.12, 0.16, -15.0)
TILTS = np.arange(-60, 61, 3.0)
Change = Callable[[np.ndarray], np.ndarray]


def images(
    size: int = 80, rows: int = 12, tilts: np.ndarray = TILTS, offset: float = 0.0, seed: int = 0, percent: float = 2.0
) -> np.ndarray:
    """Dark-field images (tilts, rows, size) with white noise in percent of the brightest pixel, 300 a unit of density and pixel."""
    half, fine = size / 2, 2
    places = (np.arange(size * fine) + 0.5) / fine - half - offset
    found = np.zeros((len(tilts), rows, size))
    for row in range(rows):
        at = 0.0 if rows == 1 else row / (rows - 1) - 0.5
        for density, x, z, a, b, turn in (BODY, CORE, HOLE):
            centre_x, centre_z, along = (x + 0.1 * at) * half, (z - 0.06 * at) * half, np.radians(turn + 8 * at)
            for number, tilt in enumerate(np.radians(tilts)):
                u = np.cos(tilt) * np.cos(along) - np.sin(tilt) * np.sin(along)
                v = -np.cos(tilt) * np.sin(along) - np.sin(tilt) * np.cos(along)
                squared = (a * (1 - 0.15 * at) * half * u) ** 2 + (b * (1 + 0.1 * at) * half * v) ** 2
                away = places - centre_x * np.cos(tilt) + centre_z * np.sin(tilt)
                chord = 2 * a * (1 - 0.15 * at) * b * (1 + 0.1 * at) * half**2 * np.sqrt(np.clip(squared - away**2, 0, None)) / squared
                found[number, row] += density * chord.reshape(size, fine).mean(axis=1)
    return 300 * (found + np.random.default_rng(seed).normal(0, percent / 100 * found.max(), found.shape))


def written(folder: Path, stack: np.ndarray, tilts: np.ndarray = TILTS) -> tuple[Path, Path]:
    """The series and its tilts as files."""
    series, list_of_tilts = folder / "s.mrc", folder / "s.tlt"
    with mrcfile.new(series, stack.astype(np.float32), overwrite=True) as file:
        file.set_image_stack()
        file.voxel_size = 10.0
    list_of_tilts.write_text("".join(f"{tilt:.5f}\n" for tilt in tilts))
    return series, list_of_tilts
