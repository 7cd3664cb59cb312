"""Phantom faces: random ovals and polygons of different intensity inside a face (IRDM 2020, dataset D1).

The paper gives no recipe beyond that sentence. Ours, with every number a choice: a face (a large oval, often with a
brighter or darker rim) has 8 to 24 features, ovals and convex or star-shaped polygons, each painted over or added
to what is below it. Everything is rendered directly on the grid with edges one pixel wide: rotation or scaling needs no
interpolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mwgan.data.canvas import Canvas, Points, turned
from mwgan.data.synthetic_images import SyntheticImages


@dataclass(frozen=True)
class PhantomFaces(SyntheticImages):
    """Each image is a face; the paper's D1 has 45,000 of them.

    ``augment`` is the rotation and pad+resize of the paper's Supplementary Table 2. Parameters are those of
    :class:`mwgan.data.synthetic_images.SyntheticImages`.
    """

    count: int = 45_000
    name: str = "phantom_faces"

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        _draw_face(canvas, rng)


def _draw_face(canvas: Canvas, rng: np.random.Generator) -> None:
    height, width = rng.uniform(0.55, 0.86, size=2)
    middle = rng.uniform(-0.06, 0.06, size=2)
    turn = rng.uniform(0, np.pi)
    skin = rng.uniform(0.15, 0.75)
    rim = rng.uniform(0.03, 0.12)
    if rng.random() < 0.5:
        canvas.oval(middle, (width, height), turn, float(np.clip(skin + rng.uniform(-0.3, 0.5), 0.05, 1.0)))
        width, height = width - rim, height - rim
    canvas.oval(middle, (width, height), turn, skin)
    for _ in range(rng.integers(8, 25)):
        # Features stay on the face: centred within its oval, smaller towards its edge.
        reach = np.sqrt(rng.uniform(0, 0.62))
        direction = rng.uniform(0, 2 * np.pi)
        on_face = np.array([np.cos(direction) * width, np.sin(direction) * height]) * reach
        cosine, sine = np.cos(turn), np.sin(turn)
        position = middle + np.array([cosine * on_face[0] - sine * on_face[1], sine * on_face[0] + cosine * on_face[1]])
        extent = 0.04 + 0.4 * rng.random() ** 2 * (1.0 - 0.5 * reach)
        value = rng.uniform(0.0, 1.0)
        blend = 1.0 if rng.random() < 0.6 else rng.uniform(0.3, 0.8)
        if rng.random() < 0.5:
            canvas.oval(position, (extent, extent * rng.uniform(0.3, 1.0)), rng.uniform(0, np.pi), value, blend)
        else:
            canvas.polygon(_polygon(position, extent, rng), value, blend)


def _polygon(middle: Points, extent: float, rng: np.random.Generator) -> Points:
    """Corners (K, 2) of a convex polygon: 3 to 8 points on a stretched circle."""
    corners = int(rng.integers(3, 9))
    direction = 2 * np.pi * (np.arange(corners) + rng.uniform(-0.35, 0.35, size=corners)) / corners
    points = np.stack([np.cos(direction), np.sin(direction) * rng.uniform(0.4, 1.0)], axis=1) * extent
    return turned(points, rng.uniform(0, 2 * np.pi)) + middle
