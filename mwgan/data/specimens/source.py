"""Slices of three-dimensional specimens, as a source of images; and stacks of neighbouring slices, and whole volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from mwgan.data.canvas import Array
from mwgan.data.specimens.block import Pose
from mwgan.data.specimens.body import Body
from mwgan.data.specimens.cathode import cathode
from mwgan.data.specimens.crystals import lattice
from mwgan.data.specimens.flakes import sheets
from mwgan.data.specimens.gradients import gradients
from mwgan.data.specimens.grains import grains
from mwgan.data.specimens.particles import core_shell, hollow
from mwgan.data.specimens.porous import porous
from mwgan.data.specimens.projections import projected
from mwgan.data.specimens.rods import rods
from mwgan.data.specimens.supported import atoms, on_carbon
from mwgan.data.specimens.textures import random_waves, textured
from mwgan.data.specimens.tubes import tubes
from mwgan.data.synthetic_images import PosedSyntheticImages
from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry

KINDS: dict[str, Callable[[np.random.Generator], Body]] = {
    "grains": grains,
    "rods": rods,
    "cathode": cathode,
    "core_shell": core_shell,
    "hollow": hollow,
    "porous": porous,
    "tubes": tubes,
    "sheets": sheets,
    "lattice": lattice,
    "on_carbon": on_carbon,
    "atoms": atoms,
    "gradients": gradients,
}
TEXTURED, SOFTENED = 0.25, 0.5  # how many specimens have an uneven density, and soft edges
AT_ONCE = 8  # slices of a volume rendered together


class _Posed(NamedTuple):
    """A specimen placed in the frame."""

    body: Body
    shown: int
    """The slice of its image, counted along the tilt axis."""
    pose: Pose
    brightness: float


@dataclass(frozen=True)
class Specimens(PosedSyntheticImages):
    """Each image is a slice, perpendicular to the tilt axis, of another specimen; kinds alternate.

    Parameters are those of :class:`mwgan.data.synthetic_images.PosedSyntheticImages`, and these. The parameters of the kinds
    are our choice.

    Parameters
    ----------
    kinds
        Some of :data:`KINDS`; None takes all.
    finer
        Points along each edge of a voxel; 1 is faster, but coarse for structures thinner than a voxel.
    projected_finer
        Above 1 the source has its own rows, projected from a rendering so many times finer than the image. They have
        one pose: ``augment`` and ``noise_percent`` must be off.
    """

    count: int = 250_000
    name: str = "specimens"
    kinds: Sequence[str] | None = None
    finer: int = 2
    projected_finer: int = 1
    stream: ClassVar[tuple[int, ...]] = (4,)
    stacks = True

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [kind for kind in self.kinds or () if kind not in KINDS]
        if unknown or (self.kinds is not None and len(self.kinds) == 0):
            raise InputError(f"there are no specimens {', '.join(map(repr, unknown)) or 'of no kind'}: choose among {', '.join(KINDS)}")
        if self.projected_finer < 1 or (self.projected_finer > 1 and (self.augment or self.noise_percent)):
            raise InputError(
                f"projected_finer={self.projected_finer} must be a whole number from 1 on; above 1 each image has one pose and no noise: "
                "give augment=false and noise_percent=0 with it"
            )
        if self.finer < 1:
            raise InputError(f"finer must be 1 or more, not {self.finer}")

    def kind(self, index: int) -> str:
        """The kind of specimen of image ``index``."""
        names = tuple(self.kinds or KINDS)
        return names[(self.offset + index) % len(names)]

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """A slice (size, size) of specimen ``index`` in [0, 1]; ``rng`` samples its pose if ``augment`` is on."""
        found: Array = self.stack(index, rng, 1)[0]
        return found

    def stack(self, index: int, rng: np.random.Generator, slices: int, spacing: int = 1) -> Array:
        """An odd number of slices (slices, size, size), ``spacing`` pixels apart, image ``index`` in the middle."""
        posed = self._posed(index, rng)
        if spacing == 1:
            return self._render(posed, posed.shown - slices // 2, slices)
        return np.concatenate([self._render(posed, posed.shown + spacing * (k - slices // 2), 1) for k in range(slices)])

    def volume(self, index: int, rng: np.random.Generator, slices: int | None = None) -> Array:
        """The specimen of image ``index``, (``slices``, Z, X) voxels; None gives all of it, a cube.

        Fewer slices are centred on that of the image, more on the centre of the frame.
        """
        posed, count = self._posed(index, rng), self.size if slices is None else slices
        first = self._first(posed, count)
        return np.concatenate([self._render(posed, first + done, min(AT_ONCE, count - done)) for done in range(0, count, AT_ONCE)])

    def projections(self, index: int, rng: np.random.Generator, geometry: TiltGeometry, slices: int, finer: int) -> Array:
        """Projections (slices, A, N) of :meth:`volume` on a detector of ``size`` pixels, from a rendering ``finer`` times finer."""
        posed = self._posed(index, rng)
        first = self._first(posed, slices)
        renderings = (self._render(posed, first + number, 1, finer) for number in range(slices))
        return np.concatenate([projected(rendering, geometry) for rendering in renderings])

    def sinogram(self, index: int, geometry: TiltGeometry) -> Array | None:
        """Rows (A, N) of image ``index`` from a finer rendering; None if ``projected_finer`` is 1."""
        if self.projected_finer == 1:
            return None
        rng = np.random.default_rng(0)  # not used, as there is no pose to sample
        found: Array = self.projections(index, rng, geometry, 1, self.projected_finer)[0]
        return found

    def _first(self, posed: _Posed, slices: int) -> int:
        room = self.size - slices
        return min(max(posed.shown - slices // 2, 0), room) if room >= 0 else room // 2

    def _posed(self, index: int, rng: np.random.Generator) -> _Posed:
        content = self.content(index)
        body = KINDS[self.kind(index)](content)
        if content.random() < TEXTURED:
            waves = random_waves(content, 0.5, 20.0, slope=content.uniform(0.3, 1.5))
            body.modulate(textured(1.0, waves, content.uniform(0.05, 0.3)))
        if content.random() < SOFTENED:
            body.softness = content.uniform(0.01, 0.06)
        brightness = content.uniform(0.6, 1.0)
        pose = Pose(*self.pose(rng))
        height = body.choose_height(content) * pose.scale
        return _Posed(body, int(np.floor((height + 1) / 2 * self.size)), pose, brightness)

    def _render(self, posed: _Posed, first: int, slices: int, times: int = 1) -> Array:
        """Slices from ``first`` on, at ``times`` the resolution in all directions: (times slices, times N, times N)."""
        finer = self.finer if times == 1 else 1
        block = posed.body.draw(self.size * times, first * times, slices * times, posed.pose, finer)
        return block.voxels() * np.float32(posed.brightness)
