"""The Fourier transform of an image as a picture: log magnitude, and the missing wedge."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

TAPER = 0.1  # share of the image that fades out at each border
SCALE = (0.02, 0.999)  # quantiles of a spectrum that are drawn black and white


def log_magnitude(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """log10 of the Fourier transform's magnitude (H, W) of a picture (H, W), zero frequency in the middle.

    The borders are tapered first: a tomogram isn't periodic, and the jump from one border to the other would cause a
    bright cross, with one arm through the missing wedge.
    """
    height, width = pixels.shape
    magnitude = np.abs(np.fft.fftshift(np.fft.fft2(pixels * _window(height)[:, None] * _window(width))))
    return np.log10(np.maximum(magnitude, np.finfo(np.float64).tiny))


def show_spectrum(  # type: ignore[no-untyped-def]
    axis: Axes, pixels: npt.NDArray[np.float32], like: npt.NDArray[np.float32], power: bool = False
):
    """Draw a spectrum on the scale of that of ``like``, usually the truth; the picture, for a colour bar.

    With ``power`` its values are log10 of the squared magnitude, which looks the same and reads twice as high.
    """
    exponent = 2.0 if power else 1.0
    black, white = exponent * np.quantile(log_magnitude(like), SCALE)
    return axis.imshow(exponent * log_magnitude(pixels), cmap="inferno", vmin=black, vmax=white)


def outline_wedge(axis: Axes, size: int, wedge_deg: float) -> None:
    """Dashed lines round the frequencies that no tilt measured: about the beam's axis, upright in the picture."""
    middle, reach = size // 2, size / 2
    slope = math.tan(math.radians(wedge_deg / 2))
    height = reach if slope <= 1 else reach / slope
    for side in (-1, 1):
        x = [middle - side * slope * height, middle + side * slope * height]
        axis.plot(x, [middle - height, middle + height], color="white", linewidth=0.8, linestyle=(0, (4, 4)))
    axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))


def _window(size: int) -> npt.NDArray[np.float64]:
    fade = np.minimum(1.0, (np.arange(size) + 0.5) / max(TAPER * size, 1.0))
    return np.asarray(np.sin(0.5 * np.pi * np.minimum(fade, fade[::-1])) ** 2)
