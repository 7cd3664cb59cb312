"""The initial guess for a specimen that leaves the field: each image is compared with its neighbour in tilt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import ndimage

from mwgan.errors import MissingExtraError
from mwgan.series.align.pose import Array
from mwgan.series.align.warp import Stack

SUBPIXEL = 10
BAND = (1.0, 4.0)  # pixels: standard deviations of the Gaussians of the band-pass filter
LONGEST_STRETCH = 1.5
OVERLAP = 0.4  # of the images, at least
NEAR = 2.0  # pixels: search range of the second pass
Neighbours = Literal["own", "tiltxcorr"]
Compare = Callable[[Stack, Array], Array]


def shifts_from_neighbours(images: Stack, tilt_deg: Array) -> Array:
    """Shifts (A, 2), along and across the tilt axis, in pixels, chained outwards from the image with the smallest tilt.

    The image that is tilted more is stretched across the axis by the ratio of the cosines first, as a flat specimen is foreshortened
    (Guckenberger, Ultramicroscopy 9 (1982) 167–173).

    Parameters
    ----------
    images
        (A, Y, X), the tilt axis about along y.
    tilt_deg
        (A,), increasing.
    """
    filtered = [ndimage.gaussian_filter(image, BAND[0]) - ndimage.gaussian_filter(image, BAND[1]) for image in images]
    taper = np.outer(np.hanning(images.shape[1]), np.hanning(images.shape[2]))
    start = int(np.argmin(np.abs(tilt_deg)))
    shifts = np.zeros((len(images), 2))
    for way in (1, -1):
        last = len(images) - 1 if way == 1 else 0
        for number in range(start, last, way):
            following = number + way
            stretch = np.cos(np.radians(tilt_deg[number])) / max(0.05, np.cos(np.radians(tilt_deg[following])))
            shifts[following] = _follow(filtered[number], filtered[following], shifts[number], stretch, taper)
    return shifts


def comparison(neighbours: Neighbours) -> Compare:
    """:func:`shifts_from_neighbours`, or the same by the package torch-tiltxcorr: IMOD's tiltxcorr in PyTorch.

    Raises
    ------
    MissingExtraError
        If that isn't installed.
    """
    if neighbours == "own":
        return shifts_from_neighbours
    try:
        from torch_tiltxcorr import tiltxcorr
    except ImportError as error:
        raise MissingExtraError("--neighbours tiltxcorr", "torch-tiltxcorr", "pip install 'mwgan[xcorr]'") from error
    import torch

    def compare(images: Stack, tilt_deg: Array) -> Array:
        tilts = torch.as_tensor(np.asarray(tilt_deg), dtype=torch.float32)
        back = tiltxcorr(torch.from_numpy(np.ascontiguousarray(images, np.float32)), tilts, tilt_axis_angle=0.0)
        return -np.asarray(back.numpy(), float)

    return compare


def _follow(one: Stack, other: Stack, shift: Array, stretch: float, taper: Array) -> Array:
    """The shift of an image, from that of its neighbour with the smaller tilt."""
    from skimage.registration import phase_cross_correlation  # imported here: it is slow, and few series need it

    stretch = float(np.clip(stretch, 1.0, LONGEST_STRETCH))
    scale = np.array([1.0, stretch])
    everything = np.ones(one.shape, bool)
    wide = _window(other, np.zeros(2), 1.0 / stretch)
    # Normalised by the overlap: a window would favour small shifts. The image's own shift is stretched with it.
    apart = phase_cross_correlation(  # type: ignore[no-untyped-call]
        one, wide, reference_mask=everything, moving_mask=everything, overlap_ratio=OVERLAP
    )[0]
    found = (shift - np.asarray(apart)) / scale
    near = phase_cross_correlation(  # type: ignore[no-untyped-call]
        _window(one, shift, 1.0) * taper, _window(other, found, 1.0 / stretch) * taper, upsample_factor=SUBPIXEL, normalization=None
    )[0]
    return np.asarray(found - (np.asarray(near) if np.abs(near).max() <= NEAR else 0.0) / scale)


def _window(image: Stack, shift: Array, scale: float) -> Stack:
    """An image resampled around its centre plus ``shift``, stretched across by ``scale``."""
    middle = (np.array(image.shape) - 1) / 2
    matrix = np.array([1.0, scale])
    return np.asarray(ndimage.affine_transform(image, matrix, middle + shift - matrix * middle, order=1, mode="nearest"))
