"""Several images by each method, from complete (C_) and missing-wedge sinograms (M_), with scores (Ding 2019, Fig. 10).

And in the same way the training inputs of the de-artifact network: tomograms of four kinds, with the truth (Fig. 8 and Table 3).
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.parts.picture_grid import picture_grid, show
from mwgan.figures.parts.stand_ins import write_note
from mwgan.figures.parts.titles import scores, titles
from mwgan.figures.registry import Needs, figure
from mwgan.results.kept import Column, columns_to_draw, kept_columns, of_columns, pixels, truth

CLASSICAL = ("wbp", "sart", "tvm")
ELSEWHERE = ("tvm_paper", "inpainting_wbp", "deartifact")  # a control, and the parts shown in the ablation
INPUTS = (("wbp", "missing"), ("wbp", "complete"), ("sart", "missing"), ("inpainting_wbp", "missing"))


@figure("images_by_method", needs=Needs.IMAGES)
def images_by_method(
    results: pd.DataFrame, tomograms: pd.DataFrame, images: Sequence[int] = (0, 1, 2), columns: Sequence[str] | None = None
) -> Figure:
    """Rows are images, columns the truth and the methods, with PSNR and SSIM below each picture.

    Parameters
    ----------
    results, tomograms
        A results table of one wedge, and the tomograms kept beside it.
    images
        Which of the kept images.
    columns
        Which methods, as in ``C_sart``; None takes the classical methods from both kinds of sinogram, and all others from
        the missing-wedge ones, except for the parts of the joint model.
    """
    others = [method for method, sinogram in kept_columns(tomograms) if sinogram == "missing" and method not in (*CLASSICAL, *ELSEWHERE)]
    usual = [(method, "complete") for method in CLASSICAL] + [(method, "missing") for method in (*CLASSICAL, *others)]
    return _rows_of_images(results, tomograms, images, usual, columns)


@figure("restorer_inputs", needs=Needs.IMAGES)
def restorer_inputs(
    results: pd.DataFrame, tomograms: pd.DataFrame, images: Sequence[int] = (0, 1, 2), columns: Sequence[str] | None = None
) -> Figure:
    """Rows are images, columns the truth, which is the target, and the kinds of input.

    Parameters
    ----------
    results, tomograms
        A results table of one wedge, and the tomograms kept beside it.
    images
        Which of the kept images.
    columns
        Which methods, as in ``M_wbp``; None takes the four of the paper.
    """
    return _rows_of_images(results, tomograms, images, INPUTS, columns, first="truth (target)")


def _rows_of_images(
    results: pd.DataFrame,
    tomograms: pd.DataFrame,
    images: Sequence[int],
    usual: Sequence[Column],
    asked: Sequence[str] | None,
    first: str = "original",
) -> Figure:
    """Rows of images: the truth under the heading ``first``, then the columns that :func:`columns_to_draw` chooses."""
    drawn = columns_to_draw(tomograms, usual, asked)
    figure, axes = picture_grid([first, *titles(drawn, tomograms)], rows=len(images))
    for row, image in enumerate(images):
        show(axes[row, 0], truth(tomograms, image))
        axes[row, 0].set_xlabel("PSNR / SSIM", fontsize=7)
        for axis, column in zip(axes[row, 1:], drawn, strict=True):
            picture = pixels(tomograms, column, image)
            if picture is not None:
                show(axis, picture)
            axis.set_xlabel(scores(results, column, image), fontsize=7)
    write_note(figure, of_columns(drawn, tomograms))
    return figure
