"""Reconstructions over their Fourier transforms: what fills the missing wedge, and how far out (Ding 2019, Fig. 9)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.parts.picture_grid import picture_grid, show
from mwgan.figures.parts.spectrum import outline_wedge, show_spectrum
from mwgan.figures.parts.stand_ins import write_note
from mwgan.figures.parts.titles import titles
from mwgan.figures.registry import Needs, figure
from mwgan.results.kept import columns_to_draw, of_columns, pixels, truth

COLUMNS = (("joint", "missing"), ("sart", "complete"), ("sart", "missing"), ("tvm", "missing"), ("wbp", "missing"))


@figure("spectra", needs=Needs.ONE_IMAGE)
def spectra(results: pd.DataFrame, tomograms: pd.DataFrame, image: int = 0, columns: Sequence[str] | None = None) -> Figure:
    """The truth and the methods over the log magnitude of their Fourier transforms, all spectra on the truth's scale.

    The missing wedge is outlined for methods that lacked it.

    Parameters
    ----------
    results, tomograms
        A results table of one wedge, and its kept tomograms.
    image
        Which of the kept images.
    columns
        Which methods, as in ``M_wbp``; None takes those of the paper, TVM and every joint model.
    """
    drawn, original = columns_to_draw(tomograms, COLUMNS, columns), truth(tomograms, image)
    figure, axes = picture_grid(["original", *titles(drawn, tomograms)], rows=2)
    show(axes[0, 0], original)
    scale = show_spectrum(axes[1, 0], original, like=original)
    for column, above, below in zip(drawn, axes[0, 1:], axes[1, 1:], strict=True):
        picture = pixels(tomograms, column, image)
        if picture is None:
            continue
        show(above, picture)
        show_spectrum(below, picture, like=original)
        if column[1] == "missing":
            outline_wedge(below, len(picture), float(results["wedge_deg"].iloc[0]))
    bar = figure.colorbar(scale, ax=axes[1, :].tolist(), fraction=0.02, pad=0.01, extend="both")
    bar.set_label("log₁₀ |Fourier transform|", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    write_note(figure, of_columns(drawn, tomograms))
    return figure
