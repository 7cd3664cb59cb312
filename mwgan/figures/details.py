"""One image by each method, with two details enlarged (Ding 2019, Fig. 2)."""

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

COLUMNS = (("wbp", "missing"), ("sart", "missing"), ("tvm", "missing"), ("joint", "missing"))
DETAIL = 0.25  # side of a box, as a share of the image


@figure("details", needs=Needs.ONE_IMAGE)
def details(results: pd.DataFrame, tomograms: pd.DataFrame, image: int = 0, columns: Sequence[str] | None = None) -> Figure:
    """The truth and the methods over two rows of details, PSNR and SSIM below.

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
    boxes = busiest_boxes(original, DETAIL, count=2)
    figure, axes = picture_grid(["original", *titles(drawn, tomograms)], rows=1 + len(boxes))
    for place, column in enumerate([None, *drawn]):
        picture = original if column is None else pixels(tomograms, column, image)
        if picture is None:
            continue
        show(axes[0, place], picture)
        for axis, box, color in zip(axes[1:, place], boxes, COLORS, strict=False):
            mark(axes[0, place], box, color)
            show(axis, cut(picture, box))
            border(axis, color)
        axes[-1, place].set_xlabel("PSNR / SSIM" if column is None else scores(results, column, image), fontsize=8)
    write_note(figure, of_columns(drawn, tomograms))
    return figure
