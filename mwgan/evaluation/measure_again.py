"""Simulates the measurement of a kept image again, for the figures that explain a measurement."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for
from mwgan.recon import WBP, InpaintSinogram


def measure_again(image: npt.NDArray[np.float32], step_deg: float, wedge_deg: float) -> dict[str, Any]:
    """The arrays of :attr:`mwgan.figures.registry.Needs.MEASUREMENT`, without noise.


    Parameters
    ----------
    image
        A kept image (N, N).
    step_deg, wedge_deg
        Tilt step and missing wedge of the table.

    Returns
    -------
        ``image``; its complete ``sinogram`` (A, N); which tilts are ``measured`` and all of them, ``tilt_deg`` (A,); ``wedge_deg``;
        ``tomogram``, WBP of the missing-wedge sinogram (N, N); and ``centred``, the sinogram that an inpainting network is given (A, N).
    """
    geometry = TiltGeometry.full(len(image), step_deg)
    sinogram = projector_for(geometry)(torch.from_numpy(image)[None, None])
    measurement = Measurement(sinogram, geometry.measured(wedge_deg), geometry)
    task = InpaintSinogram(len(image), step_deg)
    return {
        "image": image,
        "sinogram": _array(sinogram),
        "measured": measurement.measured.numpy(),
        "tilt_deg": np.asarray(geometry.tilt_deg),
        "wedge_deg": wedge_deg,
        "tomogram": _array(WBP()(measurement)),
        "centred": _array(task.see(measurement)[:, :1] / task.unit),
    }


def _array(slices: Tensor) -> npt.NDArray[np.float32]:
    """(1, 1, H, W) as (H, W)."""
    return np.asarray(slices[0, 0])
