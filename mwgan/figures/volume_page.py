"""A report on a reconstruction as an HTML page: the volume in three views, next to WBP, its data residual, and its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from mwgan.figures.beside_wbp import beside_wbp, residual_by_tilt
from mwgan.figures.parts.page import folded, heading, page, picture, sentence
from mwgan.figures.parts.volume_viewer import Shown, viewer


@dataclass(frozen=True)
class VolumePage:
    """The content of the page.

    Parameters
    ----------
    title
        Name of the volume.
    about
        Sentences describing it.
    shown
        The views.
    middle
        The middle slice (Z, X), unbinned, by the method and by WBP.
    middle_number
        Its index.
    tilt_deg, residual, noise
        Tilts (A,), and the relative residuals of the volume and expected from noise.
    left, seen, warnings, believe
        Sentences on the residual, on findings and corrections, on likely problems, and on reliability.
    record
        All metadata, as plain values.
    """

    title: str
    about: Sequence[str]
    shown: Shown
    middle: Mapping[str, npt.NDArray[np.float32]]
    middle_number: int
    wedges_deg: Sequence[tuple[float, float]]
    tilt_deg: Sequence[float]
    residual: npt.NDArray[np.float64]
    noise: npt.NDArray[np.float64]
    left: Sequence[str]
    seen: Sequence[str]
    warnings: Sequence[str]
    believe: Sequence[str]
    record: Mapping[str, Any]


def volume_page(content: VolumePage) -> str:
    """The self-contained page."""
    parts = [heading(content.title, 1), *map(sentence, content.about), *(sentence(one, absent=True) for one in content.warnings)]
    step = max(content.shown.step)
    parts.append(heading("The volume"))
    if step > 1:
        parts.append(sentence(f"Every pixel is the mean of {' x '.join(map(str, content.shown.step))} voxels (y, z, x)."))
    parts += ["<noscript><p>The views are drawn by a script, and this browser runs none.</p></noscript>", *viewer(content.shown)]
    figure = beside_wbp(content.middle, content.wedges_deg)
    parts += [
        heading("The central slice and its WBP"),
        sentence(
            f"Slice {content.middle_number}, unbinned, over its power spectrum. Dashed: the edges of the missing wedge, where "
            "nothing was measured and WBP is empty."
        ),
        picture(figure, "the middle slice by the method and by WBP, over their power spectra with the missing wedge outlined"),
        heading("Data residual"),
        *map(sentence, content.left),
        picture(residual_by_tilt(content.tilt_deg, content.residual, content.noise), "residual of the volume and of noise alone, by tilt"),
    ]
    if content.believe:
        parts += [heading("Reliability"), *map(sentence, content.believe)]
    parts += [heading("Findings on the series and corrections"), *map(sentence, content.seen)]
    everything = escape(json.dumps(content.record, indent=2, ensure_ascii=False))
    return page(content.title, [*parts, folded("All metadata", f"<pre>{everything}</pre>")])
