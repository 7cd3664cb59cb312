"""Checks and reconstructs a tilt series that another program has in memory, like one on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mwgan.errors import InputError
from mwgan.recon.named import DEFAULT_METHOD, find_device, make_method
from mwgan.series.look import LookedAt, Switches
from mwgan.series.measured import measurement_of

SLICES_AT_ONCE = 8
Progress = Callable[[int, int], None]


class Reconstructed(NamedTuple):
    """A volume, and findings on the series that it was made from."""

    volume: npt.NDArray[np.float32]
    """(Y, Z, X): y along the tilt axis, z along the beam, x across both."""
    tilt_axis: str
    """``y`` if the tilt axis runs along the rows' index of the images, ``x`` if along that of their columns."""
    notes: list[str]
    """Sentences on what was found and corrected."""
    warnings: list[str]
    """Sentences on likely problems, each with its remedy."""


def reconstruct_array(
    images: npt.NDArray[Any],
    tilt_deg: Sequence[float],
    method: str = DEFAULT_METHOD,
    settings: Mapping[str, Any] | None = None,
    switches: Switches | None = None,
    device: str = "auto",
    progress: Progress = lambda done, slices: None,
) -> Reconstructed:
    """Check images in memory, correct what is safe to correct, and reconstruct them.

    Parameters
    ----------
    images
        (A, rows, columns) of any real numbers, in the order of the tilts.
    tilt_deg
        The tilt of each in degrees.
    method, settings, device
        As for :func:`mwgan.recon.named.make_method`; ``auto`` is a GPU if there is one.
    switches
        What is already known about the series; None checks everything.
    progress
        Called with the numbers of finished and of all slices, before each block; it may raise to stop the work.

    Raises
    ------
    InputError
        If the images are not a tilt series with these tilts, or the method can't take them.
    """
    images, tilts = np.asarray(images), [float(tilt) for tilt in tilt_deg]
    if images.ndim != 3 or images.shape[0] != len(tilts):
        shape = " x ".join(map(str, images.shape))
        raise InputError(f"the images are an array of {shape} and there are {len(tilts)} tilts: give (tilts, rows, columns)")
    device = find_device(device)
    reconstructor = make_method(method, settings, device)
    # Windows can't remove a memory-mapped file: the next clean-up of the temporary folder does.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "images.npy"
        np.save(file, images, allow_pickle=False)
        looked_at = LookedAt(file, tilts, switches)
        series = looked_at.open()
        size = series.geometry.detector_size
        volume = np.empty((series.slices, size, size), np.float32)
        for start in range(0, series.slices, SLICES_AT_ONCE):
            progress(start, series.slices)
            stop = min(start + SLICES_AT_ONCE, series.slices)
            volume[start:stop] = reconstructor(measurement_of(series, start, stop, device))[:, 0].cpu().numpy()
    notes = [note for note in looked_at.notes if not note.startswith("tilts from ")]  # the caller gave them
    return Reconstructed(volume, looked_at.seen.tilt_axis, notes, looked_at.warnings)
