"""One image by every method at every wedge, with an enlarged detail (IRDM 2020, Fig. 2)."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.parts.boxes import busiest_boxes, cut, mark
from mwgan.figures.parts.stand_ins import marked, write_note
from mwgan.figures.parts.style import new_figure
from mwgan.figures.registry import Needs, figure
from mwgan.results.kept import decode

DETAIL = 0.36  # side of the enlarged box, as a share of the image


@figure("comparison_panel", needs=Needs.IMAGE_BY_WEDGE)
def comparison_panel(results: pd.DataFrame, tomograms: pd.DataFrame, image: int = 0, sinogram: str = "missing") -> Figure:
    """Rows are wedges, each over a row of details; columns the truth and the methods, with PSNR and SSIM.

    Parameters
    ----------
    results, tomograms
        A results table, and its kept tomograms.
    image
        Which of the kept images.
    sinogram
        Which sinograms: ``missing`` or ``complete``.
    """
    kept = tomograms[(tomograms["image"] == image) & (tomograms["sinogram"] == sinogram)]
    if kept.empty:
        raise ValueError(f"no tomograms of image {image} were kept: available are {sorted(tomograms['image'].unique())}")
    names = {"truth": "truth", **marked(results[results["sinogram"] == sinogram])}
    methods = list(names)
    wedges = sorted(kept["wedge_deg"].unique())
    figure = new_figure(1.35 * len(methods) + 0.3, 2.75 * len(wedges) + 0.2)
    axes = figure.subplots(2 * len(wedges), len(methods), squeeze=False)
    box = None
    for row, wedge in enumerate(wedges):
        for column, method in enumerate(methods):
            whole, detail = axes[2 * row, column], axes[2 * row + 1, column]
            for axis in (whole, detail):
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
            match = kept[(kept["method"] == method) & (kept["wedge_deg"] == wedge)]
            if match.empty:
                continue
            pixels = decode(match.iloc[-1])
            box = box or busiest_boxes(pixels, DETAIL)[0]
            whole.imshow(pixels, cmap="gray", vmin=0, vmax=1)
            detail.imshow(cut(pixels, box), cmap="gray", vmin=0, vmax=1)
            mark(whole, box)
            if row == 0:
                whole.set_title(names[method], fontsize=8)
            scores = results[(results["method"] == method) & (results["wedge_deg"] == wedge) & (results["image"] == image)]
            scores = scores[scores["sinogram"] == sinogram]
            if not scores.empty:
                detail.set_xlabel(f"{scores['psnr'].iloc[-1]:.1f} dB / {scores['ssim'].iloc[-1]:.2f}", fontsize=7)
        axes[2 * row, 0].set_ylabel(f"wedge {wedge:g}°", fontsize=9)
    write_note(figure, results[results["sinogram"] == sinogram])
    return figure
