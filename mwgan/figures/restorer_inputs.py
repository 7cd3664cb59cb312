"""What the de-artifact network is trained on: tomograms of four kinds, beside the truth (Ding 2019, Fig. 8 and Table 3)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.images_by_method import rows_of_images

COLUMNS = (("wbp", "missing"), ("wbp", "complete"), ("sart", "missing"), ("inpainting_wbp", "missing"))


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
    return rows_of_images(results, tomograms, images, COLUMNS, columns, first="truth (target)")
