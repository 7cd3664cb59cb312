"""Bragg reflections of a volume or of atoms: amplitude and phase of each, inside the missing wedge and outside."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
Waves = npt.NDArray[np.complex128]
RATIOS, MOST_OFF_DEG = (0.5, 1.5), 45.0


@dataclass(frozen=True)
class Family:
    """How many reflections of a family are restored, inside the missing wedge and outside.

    Phase alone misleads: a reflection counts where its amplitude is 0.5 to 1.5 times the true one and its phase within 45 degrees.
    ``printed`` is the largest amplitude inside, over F(000): in a specimen that has no such reflection, all of it is invented.
    """

    inside: int
    restored_inside: int
    outside: int
    restored_outside: int
    printed: float
    true_printed: float


def family(hkl: tuple[int, int, int], cell: Points) -> Points:
    """Wave vectors (M, 3) per ångström of all reflections equivalent to one in a cubic crystal, one of each pair of opposites.

    ``cell`` (3, 3) are the edges of the cubic cell, a row each.
    """
    signs = list(itertools.product((1, -1), repeat=3))
    found = {(sign[0] * h, sign[1] * k, sign[2] * one) for h, k, one in itertools.permutations(hkl) for sign in signs}
    half = sorted({max(one, (-one[0], -one[1], -one[2])) for one in found})
    return np.array(half, np.float64) @ np.linalg.inv(cell).T


def of_atoms(positions: Points, masses: Points, waves: Points) -> Waves:
    """Structure factors (M,) of point atoms at ``positions`` (K, 3) ångström about the middle, over the sum of their ``masses`` (K,)."""
    phases = np.exp(-2j * np.pi * (waves @ positions.T))
    found: Waves = phases @ masses / masses.sum()
    return found


def of_volume(volume: npt.NDArray[np.float32], voxel_angstrom: float, waves: Points) -> Waves:
    """The same (M,) of voxels (Y, Z, X) about the middle, over their sum, at exactly these wave vectors (x, y, z)."""
    found = np.empty(len(waves), np.complex128)
    places = [voxel_angstrom * (np.arange(side) - (side - 1) / 2) for side in volume.shape]
    for number, (x, y, z) in enumerate(waves):
        along_y, along_z, along_x = (np.exp(-2j * np.pi * one * place) for one, place in zip((y, z, x), places, strict=True))
        found[number] = along_y @ (np.asarray(volume, np.float64) @ along_x @ along_z)
    found /= max(float(np.asarray(volume, np.float64).sum()), 1e-30)
    return found


def in_wedge(waves: Points, low_deg: float, high_deg: float) -> npt.NDArray[np.bool_]:
    """Which wave vectors (M, 3) no tilt between these measures.

    A projection at a tilt holds what is perpendicular to its beam: waves along ``(cos, -sin)`` in (x, z).
    """
    angle = np.rad2deg(np.arctan2(-waves[:, 2], waves[:, 0]))
    angle = (angle + 90.0) % 180.0 - 90.0
    return np.asarray((angle < low_deg) | (angle > high_deg))


def restored(found: Waves, true: Waves) -> npt.NDArray[np.bool_]:
    """Which reflections have about the right amplitude and the right phase."""
    ratio = np.abs(found) / np.maximum(np.abs(true), 1e-30)
    off = np.abs(np.rad2deg(np.angle(found * np.conj(true))))
    return np.asarray((ratio >= RATIOS[0]) & (ratio <= RATIOS[1]) & (off < MOST_OFF_DEG))


def compare_reflections(found: Waves, true: Waves, waves: Points, low_deg: float, high_deg: float) -> Family:
    """Count the reflections of a family that are restored."""
    inside, right = in_wedge(waves, low_deg, high_deg), restored(found, true)
    return Family(
        int(inside.sum()),
        int((inside & right).sum()),
        int((~inside).sum()),
        int((~inside & right).sum()),
        float(np.abs(found[inside]).max(initial=0.0)),
        float(np.abs(true[inside]).max(initial=0.0)),
    )
