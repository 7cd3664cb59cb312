"""Ablation of the joint model: de-artifact only, inpainting only, both (Ding 2019, Fig. 13)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.parts.boxes import COLORS, border, busiest_boxes, cut, mark
from mwgan.figures.parts.picture_grid import picture_grid, show
from mwgan.figures.parts.stand_ins import write_note
from mwgan.figures.parts.titles import scores, titles
from mwgan.figures.registry import Needs, figure
from mwgan.results.kept import columns_to_draw, of_columns, pixels, truth

COLUMNS = (("deartifact", "missing"), ("inpainting_wbp", "missing"), ("joint", "missing"))
DETAIL = 0.3  # side of the box, as a share of the image
LARGEST_DIFFERENCE = 0.3  # of intensities in [0, 1], at the ends of the colour scale


@figure("ablation", needs=Needs.ONE_IMAGE)
def ablation(results: pd.DataFrame, tomograms: pd.DataFrame, image: int = 0, columns: Sequence[str] | None = None) -> Figure:
    """The truth, the parts and the full model; below each an enlarged box and the difference from the truth, PSNR and SSIM.

    Parameters
    ----------
    results, tomograms
        A results table of one wedge, and its kept tomograms.
    image
        Which of the kept images.
    columns
        Which methods, as in ``M_joint``; None takes those of the paper and every joint model.
    """
    drawn, original = columns_to_draw(tomograms, COLUMNS, columns), truth(tomograms, image)
    box = busiest_boxes(original, DETAIL)[0]
    figure, axes = picture_grid(["truth", *titles(drawn, tomograms)], rows=3)
    scale = None
    for place, column in enumerate([None, *drawn]):
        picture = original if column is None else pixels(tomograms, column, image)
        if picture is None:
            continue
        whole, detail, difference = axes[:, place]
        show(whole, picture)
        mark(whole, box)
        show(detail, cut(picture, box))
        border(detail, COLORS[0])
        if column is not None:
            limits = {"vmin": -LARGEST_DIFFERENCE, "vmax": LARGEST_DIFFERENCE}
            scale = difference.imshow(picture - original, cmap="PuOr", **limits)
            difference.set_xlabel(scores(results, column, image), fontsize=8)
    if scale is not None:
        # In the truth's column, which has no difference to show.
        bar = figure.colorbar(scale, cax=axes[2, 0].inset_axes((0.75, 0.04, 0.06, 0.92)), extend="both")
        bar.set_label("difference from the truth", fontsize=8)
        bar.ax.yaxis.set_label_position("left")
        bar.ax.tick_params(labelsize=7)
    write_note(figure, of_columns(drawn, tomograms))
    return figure
