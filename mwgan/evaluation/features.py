"""What a tomogram lost and what it made up, of images whose features are known to the pixel (:class:`mwgan.data.Challenge`).

Both rates look at the error, tomogram - background, less its median over the clear area of the body, and of what is around the
body: the missing wedge takes a uniform share of a body's grey level from some methods, which is no structure and is neither
held against them nor for them. Without this a crack would count as found wherever the whole body came out too dark. Grey
levels are else taken as they are, in units of the image; no gain is fitted.
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
FAINTEST = 0.05  # a pixel that differs by less from the background is no feature, and a fainter step in the background no edge
PIECE = 4  # pixels along each side of the cells that features are cut into
BLUR = 2  # pixels around features and edges that any reconstruction blurs a little
RECOVERED = 0.5  # share of the true contrast from which on a piece of a feature counts as recovered
CONTRAST = 0.5  # what stands for the features' contrast where the image has none

Pixels = npt.NDArray[np.float64]
Places = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.int64]


def feature_rates(tomogram: Tensor, image: Tensor, background: Tensor) -> dict[str, Tensor]:
    """The share of features lost and of clear area made up, one value per image: tensors (B,) from 0 to 1.

    A feature is a connected component, diagonals included, of the pixels where the image differs from its background by more
    than :data:`FAINTEST`. Each is cut into pieces by a grid of cells of 4 x 4 pixels laid from the corner of its bounding box, so
    that a small feature is one piece and half a crack is half of its pieces. The clear area are the pixels of the inscribed
    circle from which no feature and no edge of the background is within 2 pixels.

    - ``omission``: a piece is lost if its mean error, in the direction of the feature, is below half of its true contrast, the
      mean difference of image and background. The omission of a feature is the share of that difference which lies in lost
      pieces; that of the image is the mean over its features, each of which counts alike; NaN where it has none.
    - ``hallucination``: the share of the clear area where the error, of either sign, is larger than half of the true contrast
      of all features of the image, or than half of :data:`CONTRAST` where it has none; NaN where no area is clear. Noise and
      streaks count once they are as strong as that: a feature may be one pixel small, so that nobody could tell them from one.

    The image itself scores 0 and 0, its background 1 and 0. A tomogram of NaN scores worst.

    Parameters
    ----------
    tomogram, image, background
        Slices (B, 1, N, N) in units of the image.

    Raises
    ------
    InputError
        If the three are not of one such shape.
    """
    if not (tomogram.shape == image.shape == background.shape and tomogram.ndim == 4 and tomogram.shape[1] == 1):
        shapes = ", ".join(str(tuple(given.shape)) for given in (tomogram, image, background))
        raise InputError(f"tomogram, image and background are of one shape (B, 1, N, N), not {shapes}")
    if tomogram.shape[-1] != tomogram.shape[-2]:
        raise InputError(f"slices are square, not {tomogram.shape[-2]} x {tomogram.shape[-1]} pixels")
    slices = (given[:, 0].detach().cpu().double().numpy() for given in (tomogram, image, background))
    rates = [_rates(*one) for one in zip(*slices, strict=True)]
    table = torch.tensor(rates, dtype=torch.float32, device=tomogram.device).reshape(-1, len(COLUMNS))
    return dict(zip(COLUMNS, table.unbind(dim=1), strict=True))


def backgrounds(source: ImageSource, indices: Sequence[int]) -> Tensor | None:
    """The images (B, 1, N, N) of a source without their features; None of a source that doesn't know them."""
    told = [background for index in indices if (background := source.background(index)) is not None]
    return torch.from_numpy(np.stack(told)).unsqueeze(1) if told and len(told) == len(indices) else None


class _Features(NamedTuple):
    """Where the features of an image are, (N, N) each."""

    contrast: Pixels
    """Image - background."""
    feature: Labels
    """The number of the feature from 1 on, 0 outside."""
    piece: Labels
    """The number of the piece from 1 on, 0 outside."""
    clear: Places


def _rates(tomogram: Pixels, image: Pixels, background: Pixels) -> tuple[float, float]:
    features = _features(image, background)
    error = _without_offsets(tomogram - background, background, features.clear)
    there = features.feature > 0
    contrast = float(np.abs(features.contrast[there]).mean()) if there.any() else CONTRAST
    false = ~(np.abs(error[features.clear]) <= contrast / 2)  # so turned that NaN counts
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
        # Numbers of cells that no other feature has: there are fewer cells along a side than pixels.
        piece[window][z, x] = (number * len(image) + z // PIECE) * len(image) + x // PIECE
    return _Features(contrast, feature, piece, ~near & (inscribed_disc(len(image)) == 1))


def _without_offsets(error: Pixels, background: Pixels, clear: Places) -> Pixels:
    """The error less its median over the clear area of the body, where the background is above half of its maximum, and of the rest."""
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
    lost = ~(found >= RECOVERED * whole)  # so turned that NaN counts
    feature = features.feature.ravel()[first] - 1
    return float((np.bincount(feature, lost * whole) / np.bincount(feature, whole)).mean())
