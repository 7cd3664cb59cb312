"""The effect of a growing wedge: WBP and its power spectrum by wedge (IRDM 2020, Supplementary Fig. 1)."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mwgan.errors import InputError
from mwgan.figures.parts.picture_grid import picture_grid, show
from mwgan.figures.parts.spectrum import outline_wedge, show_spectrum
from mwgan.figures.registry import Needs, figure
from mwgan.results.kept import pixels, truth


@figure("wbp_spectra", needs=Needs.IMAGE_BY_WEDGE)
def wbp_spectra(tomograms: pd.DataFrame, image: int = 0) -> Figure:
    """The truth and WBP at each wedge, above their log power spectra; all spectra on the truth's scale, wedges outlined.

    Parameters
    ----------
    tomograms
        Kept tomograms of one test source.
    image
        Which of the kept images.
    """
    original = truth(tomograms, image)
    kept = {
        wedge_deg: picture
        for wedge_deg in map(float, sorted(tomograms["wedge_deg"].unique()))
        if (picture := pixels(tomograms[tomograms["wedge_deg"] == wedge_deg], ("wbp", "missing"), image)) is not None
    }
    if not kept:
        raise InputError(f"no WBP of image {image} was kept: evaluate methods.wbp into the table, or choose another image (image=…)")
    figure, axes = picture_grid(["truth", *(f"WBP, wedge {wedge_deg:g}°" for wedge_deg in kept)], rows=2)
    show(axes[0, 0], original)
    scale = show_spectrum(axes[1, 0], original, like=original, power=True)
    for above, below, (wedge_deg, picture) in zip(axes[0, 1:], axes[1, 1:], kept.items(), strict=True):
        show(above, picture)
        show_spectrum(below, picture, like=original, power=True)
        outline_wedge(below, len(picture), wedge_deg)
    bar = figure.colorbar(scale, ax=axes[1, :].tolist(), fraction=0.02, pad=0.01, extend="both")
    bar.set_label("log₁₀ power", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure
