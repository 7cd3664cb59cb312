"""Particles: numbered connected components of one material, and their search windows when thresholds or tilts change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mwgan.errors import InputError
from mwgan.quantify.materials import Materials

MARGIN = 4  # voxels around a particle in which its surface may be after a change
TOUCHING = np.ones((3, 3, 3), bool)  # by faces, edges or corners
MOST_PARTICLES = 20_000

Labels = npt.NDArray[np.int32]
Field = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Place:
    """The location of one particle.

    Parameters
    ----------
    label, material
        Its number in the labels, from 1, and that of its material, from 1.
    window
        Its bounding box with a margin, within the volume.
    cut
        Whether it touches the volume's border, and so continues beyond it.
    voxels
        Number of voxels.
    """

    label: int
    material: int
    window: tuple[slice, slice, slice]
    cut: bool
    voxels: int

    @property
    def first(self) -> tuple[int, int, int]:
        """The window's first voxel."""
        y, z, x = (part.start for part in self.window)
        return y, z, x


@dataclass(frozen=True)
class Particles:
    """The particles of a volume.

    Parameters
    ----------
    labels
        (Y, Z, X): 0 outside of particles.
    places
        Of particle 1, 2, …
    left_out
        Number of particles below the minimum size.
    """

    labels: Labels
    places: list[Place]
    left_out: int

    def field(self, place: Place, volume: npt.NDArray[np.floating], materials: Materials) -> Field | None:
        """A single particle in its window, above 0 inside it, from the volume itself or a similar one; None if it doesn't exist there.

        Components above 0 count if they overlap the particle, up to where another one is nearer.
        """
        from scipy.ndimage import label

        field = materials.field(volume[place.window], place.material)
        inside = (field > 0) & self._nearest(place)
        parts, _ = label(inside, TOUCHING)
        kept = np.unique(parts[inside & (self.labels[place.window] == place.label)])
        if not len(kept):
            return None
        return np.where(np.isin(parts, kept) & inside, field, -np.abs(field)).astype(np.float32)

    def _nearest(self, place: Place) -> npt.NDArray[np.bool_]:
        """Voxels of a particle's window that are nearer to it than to any other one of its material."""
        from scipy.ndimage import distance_transform_edt

        there = self.labels[place.window]
        others = [one for one in np.unique(there) if one not in (0, place.label) and self.places[one - 1].material == place.material]
        if not others:
            return np.ones(there.shape, bool)
        own, other = there == place.label, np.isin(there, others)
        return np.asarray(distance_transform_edt(~own) < distance_transform_edt(~other))


def find_particles(volume: npt.NDArray[np.float32], materials: Materials, smallest: int) -> Particles:
    """The particles of a volume (Y, Z, X) with ``smallest`` voxels or more, numbered material by material.

    Raises
    ------
    InputError
        If there is none, or there are too many.
    """
    from scipy.ndimage import find_objects, label

    labels = np.zeros(volume.shape, np.int32)
    places: list[Place] = []
    left_out = 0
    for material in range(1, materials.count + 1):
        parts, count = label(materials.field(volume, material) > 0, TOUCHING)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)
        kept = np.flatnonzero(sizes[1:] >= smallest) + 1
        left_out += count - len(kept)
        if len(places) + len(kept) > MOST_PARTICLES:
            raise InputError(
                f"there are {len(places) + len(kept):,} particles, more than {MOST_PARTICLES:,}: give a larger --smallest, or another "
                "threshold where they are noise"
            )
        windows = find_objects(parts)
        number = np.zeros(count + 1, np.int32)
        number[kept] = len(places) + 1 + np.arange(len(kept))
        numbered = number[parts]
        labels[numbered > 0] = numbered[numbered > 0]
        places += [_place(int(number[part]), material, windows[part - 1], volume.shape, int(sizes[part])) for part in kept]
    if not places:
        raise InputError(
            f"no particle has {smallest} voxels or more above the threshold {materials.thresholds[0]:g}: give a lower threshold, or a "
            "smaller --smallest"
        )
    return Particles(labels, places, left_out)


def _place(label: int, material: int, window: tuple[slice, ...], shape: tuple[int, ...], voxels: int) -> Place:
    cut = any(part.start == 0 or part.stop == side for part, side in zip(window, shape, strict=True))
    wider = [slice(max(0, part.start - MARGIN), min(side, part.stop + MARGIN)) for part, side in zip(window, shape, strict=True)]
    return Place(label, material, (wider[0], wider[1], wider[2]), cut, voxels)
