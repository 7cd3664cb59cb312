"""A reconstruction on one page of HTML: the volume in three views, beside WBP, how well it explains the data, what was done."""

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
    """What stands on the page.

    Parameters
    ----------
    title
        The volume's.
    about
        Sentences: what it is.
    shown
        The views.
    middle
        The middle slice (Z, X) at full resolution, by the method and by WBP.
    middle_number
        Which it is.
    tilt_deg, residual, noise
        Tilts (A,), and what the volume and what noise would leave of their data, relative to these.
    left, seen, warnings, believe
        Sentences: of the residual, what was seen in the series and done to it, what may be wrong, how far to believe the volume.
    record
        All that is known, plain values.
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


def volume_page(told: VolumePage) -> str:
    """The page, complete in itself: nothing to load."""
    parts = [heading(told.title, 1), *map(sentence, told.about), *(sentence(one, absent=True) for one in told.warnings)]
    step = max(told.shown.step)
    parts.append(heading("The volume"))
    if step > 1:
        parts.append(sentence(f"Every pixel is the mean of {' x '.join(map(str, told.shown.step))} voxels (y, z, x)."))
    parts += ["<noscript><p>The views are drawn by a script, and this browser runs none.</p></noscript>", *viewer(told.shown)]
    figure = beside_wbp(told.middle, told.wedges_deg)
    parts += [
        heading("The middle slice beside WBP"),
        sentence(
            f"Slice {told.middle_number}, at full resolution, over its power spectrum. Dashed: the edges of the missing wedge, where "
            "nothing was measured and WBP leaves nothing."
        ),
        picture(figure, "the middle slice by the method and by WBP, over their power spectra with the missing wedge outlined"),
        heading("What is left of the data"),
        *map(sentence, told.left),
        picture(residual_by_tilt(told.tilt_deg, told.residual, told.noise), "what the volume and what noise alone leave, tilt by tilt"),
    ]
    if told.believe:
        parts += [heading("How far to believe it"), *map(sentence, told.believe)]
    parts += [heading("What was seen in the series, and done to it"), *map(sentence, told.seen)]
    everything = escape(json.dumps(told.record, indent=2, ensure_ascii=False))
    return page(told.title, [*parts, folded("Everything that is known of it", f"<pre>{everything}</pre>")])
