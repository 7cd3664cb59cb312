"""A function of numpy arrays as a Reconstructor, for methods of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.recon.unmeasured import require_whole_rows

Array = npt.NDArray[Any]


class FromArrays:
    """See :func:`from_arrays`."""

    def __init__(self, function: Callable[[Array, Array], Any]) -> None:
        self.function, self.__name__ = function, getattr(function, "__name__", type(function).__name__)

    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement."""
        sinogram, size = measurement.sinogram, measurement.geometry.detector_size
        if not measurement.geometry.on_axis:
            offset = max(measurement.geometry.offsets_px, key=abs)
            raise InputError(
                f"{self.__name__} assumes the tilt axis in the detector's centre; here it lies {offset:g} pixels off: shift "
                "the images, or write a method that takes the whole measurement"
            )
        require_whole_rows(measurement, self.__name__)
        tomogram = sinogram.new_zeros(len(sinogram), 1, size, size)
        for samples, group in measurement.by_tilts():
            tilt_deg = np.array(group.geometry.tilt_deg)
            for sample, rows in zip(samples, group.sinogram[:, 0].detach().cpu().numpy(), strict=True):
                found = np.asarray(self.function(rows.copy(), tilt_deg.copy()))
                if found.shape != (size, size):
                    raise InputError(f"{self.__name__} returns an array {found.shape}, not ({size}, {size})")
                tomogram[sample, 0] = torch.from_numpy(np.ascontiguousarray(found)).to(tomogram)
        return tomogram


def from_arrays(function: Callable[[Array, Array], Any]) -> FromArrays:
    """Make a method of a function that reconstructs one slice from arrays.

    Parameters
    ----------
    function
        Takes a sinogram (A, N) of the measured tilts, line integrals in pixel units, and their angles (A,) in degrees, increasing;
        returns the slice (N, N), rows along the beam. It may overwrite its input. The orientation is that of
        :mod:`mwgan.geometry`, which is scikit-image's: ``iradon(sinogram.T, tilt_deg, circle=True)`` returns such a slice.

    Raises
    ------
    InputError
        When called, if the slice has another shape, the tilt axis does not lie in the detector's centre, or pixels of a tilt were
        not measured.
    """
    return FromArrays(function)
