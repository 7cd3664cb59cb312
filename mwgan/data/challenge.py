"""The challenge: specimens unlike the training data of the networks here, with features known to the pixel.

A network that has learned what specimens look like may hallucinate, or omit what it has never seen. Six kinds of images
test this: what the missing wedge affects most, what is smallest, and a body without features.
Each comes with its background, the same image without its features, from which :mod:`mwgan.evaluation.features` computes
omission and hallucination. The numbers below are our choice; at 64 pixels the thinnest features are one pixel wide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mwgan.data.canvas import Array, Canvas, Points, turned
from mwgan.data.source import ImageSource
from mwgan.errors import InputError

REACH = 0.92  # the specimen stays within this share of the inscribed circle: every projection covers all of it
PIXEL = 2 / 64  # a pixel at 64 pixels across the image, in units of half the image
MARGIN = 0.85  # features stay within this share of their body


@dataclass(frozen=True)
class Challenge(ImageSource):
    """``count`` images of ``size`` x ``size`` pixels with alternating kinds: any multiple of six in a row is balanced.

    - ``lamellae``: thin sheets perpendicular to the beam in a faint matrix or in none
    - ``dots``: many small dense particles in a faint matrix
    - ``holes``: pores of several sizes in a dense body
    - ``crack``: one thin crack in a dense body, a third of them almost perpendicular to the beam and the rest at any angle
    - ``text``: letters, bright in a faint matrix or dark in a dense body
    - ``nothing``: a featureless body, not an empty image, which would have no line integral to which noise could be relative
      and no scale.

    These images are never augmented and no option of ``conf/data`` trains on them: what is perpendicular to the beam stays so.

    Parameters
    ----------
    size
        Pixels along each side. Features are shares of it: at 128 pixels they are twice as many pixels wide.
    count
        How many images.
    seed
        Determines every image: image k of a seed is always the same.
    offset
        First image: validation and test use disjoint ranges of one seed.
    licence
        Synthetic: none needed.
    """

    size: int = 64
    count: int = 600
    seed: int = 0
    offset: int = 0
    name: str = "challenge"
    licence: str = "none needed"

    stream: ClassVar[tuple[int, ...]] = (3,)
    """Separates its random numbers from those of other synthetic images with the same seed and number."""

    def __post_init__(self) -> None:
        if self.size < 8 or self.count < 1 or self.offset < 0:
            raise InputError(
                "challenge images need a size of 8 or more, a count of 1 or more and an offset of 0 or more: got "
                f"{self.size}, {self.count} and {self.offset}"
            )

    def __len__(self) -> int:
        return self.count

    def image(self, index: int, rng: np.random.Generator) -> Array:
        """Image ``index`` (size, size) in [0, 1]; ``rng`` isn't used, as there is no augmentation."""
        return self._painted(index)[1]

    def background(self, index: int) -> Array:
        """Image ``index`` (size, size) without its features: only its matrix or body."""
        return self._painted(index)[0]

    def kind(self, index: int) -> str:
        """The kind of image ``index``, one of :data:`KINDS`."""
        self._check(index)
        return tuple(KINDS)[(self.offset + index) % len(KINDS)]

    def origin(self, index: int) -> str:
        """Its kind and number, as ``crack 15``: the results table distinguishes kinds, and each image is its own subject."""
        return f"{self.kind(index)} {self.offset + index}"

    def describe(self) -> list[dict[str, Any]]:
        """The source's entry in a run's record."""
        return [{"name": self.name, "images": self.count, "licence": self.licence}]

    def _painted(self, index: int) -> tuple[Array, Array]:
        """Background and image."""
        paint = KINDS[self.kind(index)]
        canvas = Canvas(self.size, angle=0.0, scale=1.0)
        background = paint(canvas, np.random.Generator(np.random.SFC64([self.seed, self.offset + index, *self.stream])))
        return background, canvas.pixels

    def _check(self, index: int) -> None:
        if not 0 <= index < self.count:
            raise IndexError(f"image {index} of {self.count}")


# Each kind paints its body and then its features, and returns the image before the features.


def _lamellae(canvas: Canvas, rng: np.random.Generator) -> Array:
    body = _body(canvas, rng, 0.0 if rng.random() < 0.5 else rng.uniform(0.1, 0.25))
    background = canvas.pixels.copy()
    count = int(rng.integers(3, 7))
    slant = rng.uniform(-1, 1) * np.deg2rad(4)  # of the whole stack: lamellae are parallel
    pitch = 2 * MARGIN * body.radius / count
    for place in range(count):
        height = (place - (count - 1) / 2 + rng.uniform(-0.15, 0.15)) * pitch
        widest = np.sqrt((MARGIN * body.radius) ** 2 - height**2)
        half = widest * rng.uniform(0.5, 1.0)
        aside = rng.uniform(-1, 1) * (widest - half)
        ends = np.array([[aside - half, height], [aside + half, height]])
        _line(canvas, body.middle + turned(ends, slant), PIXEL * rng.uniform(1, 2), rng.uniform(0.6, 1.0))
    return background


def _dots(canvas: Canvas, rng: np.random.Generator) -> Array:
    body = _body(canvas, rng, rng.uniform(0.1, 0.3))
    background = canvas.pixels.copy()
    radii = PIXEL * rng.uniform(0.5, 1.0, size=rng.integers(20, 51))
    for middle, radius in _apart(body, radii, 3 * PIXEL, rng):
        canvas.oval(middle, (radius, radius), 0.0, rng.uniform(0.7, 1.0))
    return background


def _holes(canvas: Canvas, rng: np.random.Generator) -> Array:
    value = rng.uniform(0.6, 1.0)
    body = _body(canvas, rng, value)
    background = canvas.pixels.copy()
    radii = np.sort(np.exp(rng.uniform(np.log(1.25 * PIXEL), np.log(6 * PIXEL), size=rng.integers(5, 13))))
    for middle, radius in _apart(body, radii[::-1], 4 * PIXEL, rng):
        canvas.oval(middle, (radius, radius), 0.0, value * rng.uniform(0.0, 0.25))
    return background


def _crack(canvas: Canvas, rng: np.random.Generator) -> Array:
    value = rng.uniform(0.6, 1.0)
    body = _body(canvas, rng, value)
    background = canvas.pixels.copy()
    # The wedge affects structures extended across the beam, along x: cracks of random direction would seldom test this.
    turn = rng.uniform(-1, 1) * np.deg2rad(15) if rng.random() < 1 / 3 else rng.uniform(0, np.pi)
    along = np.linspace(-1, 1, int(rng.integers(6, 11))) * body.radius * rng.uniform(0.45, 0.78)
    across = np.cumsum(rng.uniform(-1, 1, size=along.size)) * 0.8 * PIXEL
    path = np.stack([along, across - across.mean()], axis=1)
    _line(canvas, body.middle + turned(path, turn), PIXEL * rng.uniform(1, 1.75), value * rng.uniform(0.0, 0.2))
    return background


def _text(canvas: Canvas, rng: np.random.Generator) -> Array:
    ground, ink = (rng.uniform(0.1, 0.3), rng.uniform(0.7, 1.0)) if rng.random() < 0.5 else (rng.uniform(0.6, 1.0), rng.uniform(0.0, 0.1))
    body = _body(canvas, rng, ground)
    background = canvas.pixels.copy()
    letters = rng.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), size=(rng.integers(1, 3), rng.integers(2, 5)))
    outlines = _outlines(["".join(line) for line in letters])
    corners = np.concatenate(outlines)
    middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
    stretch = MARGIN * body.radius / np.hypot(*(corners - middle).T).max()
    share = _filled([(outline - middle) * stretch + body.middle for outline in outlines], canvas.size)
    canvas.pixels = background + share * (np.float32(ink) - background)
    return background


def _nothing(canvas: Canvas, rng: np.random.Generator) -> Array:
    _body(canvas, rng, rng.uniform(0.3, 1.0))
    return canvas.pixels.copy()


KINDS = {"lamellae": _lamellae, "dots": _dots, "holes": _holes, "crack": _crack, "text": _text, "nothing": _nothing}


class _Body(NamedTuple):
    """The largest circle inside a body."""

    middle: Points
    radius: float


def _body(canvas: Canvas, rng: np.random.Generator, value: float) -> _Body:
    """Paint a round or slightly oval body, or an invisible one of value 0."""
    longest = rng.uniform(0.75, 0.9)
    shortest = longest * rng.uniform(0.85, 1.0)
    direction = rng.uniform(0, 2 * np.pi)
    middle = np.array([np.cos(direction), np.sin(direction)]) * (REACH - longest) * rng.random()
    canvas.oval(middle, (longest, shortest), rng.uniform(0, np.pi), value)
    return _Body(middle, float(shortest))


def _line(canvas: Canvas, points: Points, width: float, value: float) -> None:
    """Paint a line through ``points`` (K, 2), its joints round and its ends cut."""
    for number, (start, end) in enumerate(pairwise(points)):
        along = (end - start) / np.hypot(*(end - start))
        aside = np.array([-along[1], along[0]]) * width / 2
        canvas.polygon(np.stack([start - aside, end - aside, end + aside, start + aside]), value)
        if number > 0:
            canvas.oval(start, (width / 2, width / 2), 0.0, value)


def _apart(body: _Body, radii: Sequence[float] | Points, gap: float, rng: np.random.Generator) -> Iterator[tuple[Points, float]]:
    """Centres in the body for discs of these radii, at least ``gap`` apart; a disc that doesn't fit is left out."""
    taken: list[tuple[Points, float]] = []
    for radius in radii:
        for _ in range(50):
            direction, away = rng.uniform(0, 2 * np.pi), (MARGIN * body.radius - radius) * np.sqrt(rng.random())
            middle = body.middle + np.array([np.cos(direction), np.sin(direction)]) * away
            if all(np.hypot(*(middle - other)) >= radius + size + gap for other, size in taken):
                taken.append((middle, float(radius)))
                break
    yield from taken


def _outlines(lines: Sequence[str]) -> list[Points]:
    """Outlines (K, 2) as (x, z) of lines of text in matplotlib's own font; those of counters lie inside those of letters."""
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    # By its file: a name would be looked up among the machine's fonts.
    font = FontProperties(fname=str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"))
    height = 100  # curves become polygons to within a fraction of a unit
    found: list[Points] = []
    for place, line in enumerate(lines):
        outlines = TextPath((0, -place * height), line, size=height, prop=font).to_polygons()
        found += [np.asarray(outline) * np.array([1.0, -1.0]) for outline in outlines]  # z points down
    return found


def _filled(outlines: Sequence[Points], size: int, finer: int = 4) -> Array:
    """The share of each pixel (size, size) inside an odd number of outlines, from ``finer`` x ``finer`` points in it."""
    from matplotlib.path import Path as Outline

    axis = (np.arange(size * finer) + 0.5) / (size * finer) * 2 - 1
    inside = np.zeros((axis.size, axis.size), dtype=bool)
    for outline in outlines:
        (left, top), (right, bottom) = np.searchsorted(axis, outline.min(axis=0)), np.searchsorted(axis, outline.max(axis=0))
        x, z = np.meshgrid(axis[left:right], axis[top:bottom])
        within = Outline(outline).contains_points(np.stack([x.ravel(), z.ravel()], axis=1))
        inside[top:bottom, left:right] ^= within.reshape(x.shape)
    share: Array = inside.reshape(size, finer, size, finer).mean(axis=(1, 3), dtype=np.float32)
    return share
