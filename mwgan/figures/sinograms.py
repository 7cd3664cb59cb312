"""An image and its sinogram: complete, without the missing tilts, and with zeros in their place (Ding 2019, Fig. 5)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from mwgan.figures.parts.picture_grid import picture_grid, show
from mwgan.figures.registry import Needs, figure
from mwgan.figures.wedge import Pixels, show_sinogram


@figure("sinograms", needs=Needs.MEASUREMENT)
def sinograms(image: Pixels, sinogram: Pixels, measured: npt.NDArray[np.bool_], tilt_deg: Pixels, centred: Pixels) -> Figure:
    """The image, its complete sinogram, the measured rows, and the input of the inpainting network.

    Parameters
    ----------
    image
        The truth (N, N).
    sinogram
        Its complete sinogram (A, N).
    measured, tilt_deg
        Which tilts are measured, and all of them in degrees from -90 on, (A,).
    centred
        The wedge-centred sinogram (A, N): tilts from 0 on, then those below 0 plus 180 degrees, with zeros in the gap.
    """
    figure, axes = picture_grid(["(a) image", "(b) complete sinogram", "(c) missing-wedge sinogram", "(d) zeros in the gap"], rows=1)
    white, first = float(sinogram.max()), int((tilt_deg < 0).sum())
    centred_deg = np.concatenate([tilt_deg[first:], tilt_deg[:first] + 180])
    gap_deg = centred_deg[~np.concatenate([measured[first:], measured[:first]])]
    show(axes[0, 0], image)
    show_sinogram(axes[0, 1], sinogram, tilt_deg, white)
    show_sinogram(axes[0, 2], sinogram[measured], tilt_deg[measured], white)
    show_sinogram(axes[0, 3], centred, centred_deg, white, first_deg=0.0)
    for edge_deg in (gap_deg.min(), gap_deg.max()) if len(gap_deg) else ():  # zeros and an empty ground are both black
        axes[0, 3].axhline(edge_deg, color="white", linewidth=0.8, linestyle=(0, (4, 4)))
    return figure
