"""Whether the tilts belong to their images: neighbours in tilt look alike."""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree

from mwgan.series.look.statistics import Array, Statistics, mean_of_known

FEWEST = 6  # images
AT_RANDOM = 0.85  # of the way from the shortest tree to that between images taken at random
LONGER = 0.4  # the same, where images two to four places apart are far more alike than neighbours
LAG = 0.6  # times as unlike: those
REACH = 4  # images may be shifted against each other by 1 / REACH of the small images' sides
STRANGER = 0.7  # the same, from its neighbours in tilt


def distances(seen: Statistics) -> Array:
    """Distances between all pairs of images (A, A): their differences at the best mutual shift, minus the noise."""
    images = np.where(np.isnan(seen.small), np.nan_to_num(mean_of_known(seen.small, axis=0)), seen.small)
    images = images - np.median(images, axis=(1, 2), keepdims=True)
    scale = np.sqrt((images**2).sum(axis=(1, 2), keepdims=True))
    images = images / np.maximum(scale, np.finfo(float).tiny)
    height, width = images.shape[1:]
    spectra = np.fft.rfft2(images, (2 * height, 2 * width))
    near_rows = np.r_[0 : height // REACH + 1, 2 * height - height // REACH : 2 * height]
    near_columns = np.r_[0 : width // REACH + 1, 2 * width - width // REACH : 2 * width]
    found = np.zeros((len(images), len(images)))
    for number in range(len(images)):
        products = np.fft.irfft2(spectra[number + 1 :] * spectra[number].conj(), (2 * height, 2 * width))
        if len(products):
            best = products[:, near_rows][:, :, near_columns].max(axis=(1, 2))
            found[number, number + 1 :] = found[number + 1 :, number] = np.sqrt(np.maximum(2 - 2 * best, 0))
    return found


def is_out_of_order(apart: Array) -> bool:
    """Whether the path from image to image in the order of their tilts is far longer than the minimum spanning tree.

    Misaligned images make the path longer, too, but not as long as a random order, and neighbours stay nearer than others.
    """
    if len(apart) < FEWEST:
        return False
    way, tree, chance = float(np.diagonal(apart, offset=1).mean()), _tree(apart), _chance(apart)
    longer = (way - tree) / max(chance - tree, 1e-9)
    lag = min(float(np.diagonal(apart, offset=step).mean()) for step in (2, 3, 4))
    return bool(chance > 1.3 * tree and (longer > AT_RANDOM or (longer > LONGER and lag < LAG * way)))


def strangers(apart: Array) -> list[int]:
    """Indices of single misplaced images: as far from both neighbours in tilt as from any, and near to others."""
    if len(apart) < FEWEST or is_out_of_order(apart):
        return []
    tree, chance = _tree(apart), _chance(apart)
    found = []
    for place in range(len(apart)):
        beside = [other for other in (place - 1, place + 1) if 0 <= other < len(apart)]
        others = np.delete(apart[place], [place, *beside])
        near = min(apart[place, other] for other in beside)
        across = apart[beside[0], beside[-1]] if len(beside) == 2 else near
        if near > tree + STRANGER * (chance - tree) and near > 1.5 * float(others.min()) and (len(beside) < 2 or near > 1.3 * across):
            found.append(place)
    return found


def _tree(apart: Array) -> float:
    """The mean edge of the minimum spanning tree of all images."""
    return float(minimum_spanning_tree(apart + 1e-9 * (apart == 0)).sum()) / (len(apart) - 1)


def _chance(apart: Array) -> float:
    """The distance of two random images."""
    return float(np.median(apart[np.triu_indices(len(apart), 1)]))
