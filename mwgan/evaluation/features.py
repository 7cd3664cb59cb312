"""Omission and hallucination of a tomogram, for images whose features are known to the pixel (:class:`mwgan.data.Challenge`).

Both rates use the error, tomogram - background, minus its median over the clear area of the body and over the area around the
body: with some methods the missing wedge shifts a body's grey level uniformly, which is no structure and must not count
for or against them. Without this a crack would count as found wherever the whole body came out too dark. Otherwise grey
levels are used as they are, in units of the image; no gain is fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from mwgan.data.canvas import inscribed_disc
from mwgan.data.source import ImageSource
from mwgan.errors import InputError

COLUMNS = ("omission", "hallucination")
FAINTEST = 0.05  # a pixel that differs less from the background is no feature, and a fainter step in the background no edge
PIECE = 4  # pixels per side of the cells that features are cut into
BLUR = 2  # pixels around features and edges that any reconstruction blurs a little
RECOVERED = 0.5  # minimum share of the true contrast at which a piece of a feature counts as recovered
CONTRAST = 0.5  # used where the image has no features

Pixels = npt.NDArray[np.float64]
Places = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]


def feature_rates(tomogram: Tensor, image: Tensor, background: Tensor) -> dict[str, Tensor]:
    """The share of features omitted and of clear area hallucinated, one value per image: tensors (B,) from 0 to 1.

    A feature is a connected component, diagonals included, of the pixels where the image differs from its background by more
    than :data:`FAINTEST`. Each is cut into pieces by a grid of 4 x 4 pixel cells that starts at the corner of its bounding box, so
    that a small feature is one piece and half a crack is half of its pieces. The clear area consists of the pixels in the inscribed
    circle that are more than 2 pixels from any feature and any edge of the background.

    - ``omission``: a piece is lost if its mean error, in the direction of the feature, is below half of its true contrast, the
      mean difference of image and background. The omission of a feature is the share of that difference in lost
      pieces; that of the image is the mean over its features, equally weighted; NaN where it has none.
    - ``hallucination``: the share of the clear area where the error, of either sign, is larger than half of the true contrast
      of all features of the image, or than half of :data:`CONTRAST` where it has none; NaN where no area is clear. Noise and
      streaks count if they are that strong: a feature may be a single pixel and could not be distinguished from them.

    The image itself scores 0 and 0, its background 1 and 0. A tomogram of NaN scores worst.

    Parameters
    ----------
    tomogram, image, background
        Slices (B, 1, N, N) in units of the image.

    Raises
    ------
    InputError
        If the three don't have one such shape.
    """
    if not (tomogram.shape == image.shape == background.shape and tomogram.ndim == 4 and tomogram.shape[1] == 1):
        shapes = ", ".join(str(tuple(given.shape)) for given in (tomogram, image, background))
        raise InputError(f"tomogram, image and background must have one shape (B, 1, N, N), not {shapes}")
    if tomogram.shape[-1] != tomogram.shape[-2]:
        raise InputError(f"slices must be square, not {tomogram.shape[-2]} x {tomogram.shape[-1]} pixels")
    slices = (given[:, 0].detach().cpu().double().numpy() for given in (tomogram, image, background))
    rates = [_rates(*one) for one in zip(*slices, strict=True)]
    table = torch.tensor(rates, dtype=torch.float32, device=tomogram.device).reshape(-1, len(COLUMNS))
    return dict(zip(COLUMNS, table.unbind(dim=1), strict=True))


def backgrounds(source: ImageSource, indices: Sequence[int]) -> Tensor | None:
    """The images (B, 1, N, N) of a source without their features; None for a source without known features."""
    found = [background for index in indices if (background := source.background(index)) is not None]
    return torch.from_numpy(np.stack(found)).unsqueeze(1) if found and len(found) == len(indices) else None


class _Features(NamedTuple):
    """Where the features of an image are, (N, N) each."""

    contrast: Pixels
    """Image - background."""
    feature: Labels
    """Feature labels from 1 on, 0 outside."""
    piece: Labels
    """Piece labels from 1 on, 0 outside."""
    clear: Places


def _rates(tomogram: Pixels, image: Pixels, background: Pixels) -> tuple[float, float]:
    features = _features(image, background)
    error = _without_offsets(tomogram - background, background, features.clear)
    there = features.feature > 0
    contrast = float(np.abs(features.contrast[there]).mean()) if there.any() else CONTRAST
    false = ~(np.abs(error[features.clear]) <= contrast / 2)  # negated so that NaN counts
    return _omission(error, features), float(false.mean()) if false.size else float("nan")


def _features(image: Pixels, background: Pixels) -> _Features:
    contrast = image - background
    there = np.abs(contrast) > FAINTEST
    step = ndimage.maximum_filter(background, 3) - ndimage.minimum_filter(background, 3)
    reach = np.ones((2 * BLUR + 1, 2 * BLUR + 1), dtype=bool)
    near = ndimage.binary_dilation(there | (step > FAINTEST), reach)
    feature = ndimage.label(there, np.ones((3, 3)))[0].astype(np.int64)
    piece = np.zeros_like(feature)
    for number, window in enumerate(ndimage.find_objects(feature), start=1):
        z, x = np.nonzero(feature[window] == number)
        # Labels are unique among features, as there are fewer cells along a side than pixels.
        piece[window][z, x] = (number * len(image) + z // PIECE) * len(image) + x // PIECE
    return _Features(contrast, feature, piece, ~near & (inscribed_disc(len(image)) == 1))


def _without_offsets(error: Pixels, background: Pixels, clear: Places) -> Pixels:
    """The error minus its median over the clear area of the body (background above half of its maximum) and over that of the rest."""
    body = background > background.max() / 2
    error = error.copy()
    for region in (body, ~body):
        if (region & clear).any():
            error[region] -= np.median(error[region & clear])
    return error


def _omission(error: Pixels, features: _Features) -> float:
    pieces, first = np.unique(features.piece, return_index=True)
    pieces, first = pieces[pieces > 0], first[pieces > 0]
    if not pieces.size:
        return float("nan")
    whole = ndimage.sum(np.abs(features.contrast), features.piece, pieces)
    found = ndimage.sum(error * np.sign(features.contrast), features.piece, pieces)
    lost = ~(found >= RECOVERED * whole)  # negated so that NaN counts
    feature = features.feature.ravel()[first] - 1
    return float((np.bincount(feature, lost * whole) / np.bincount(feature, whole)).mean())
