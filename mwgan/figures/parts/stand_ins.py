"""Networks that were trained with stand-ins for images that weren't there: told wherever their names stand.

The results table says so in ``train_data``, as in ``D2 (phantom faces for brain, ct)``.
"""

from __future__ import annotations

import re
import textwrap

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.parts.style import label

STAND_INS = re.compile(r"\((phantom faces for [^)]*)\)")  # as mwgan-train writes it into train_data
MARKS = "*†‡§¶#"
LETTERS_PER_INCH = 17  # of a note


def train_data(rows: pd.DataFrame) -> dict[str, str]:
    """What each method was trained on, empty where on nothing; all of it where its trainings differ."""
    told = rows[["method", "train_data"]].fillna("").drop_duplicates()
    return {str(method): "; ".join(filter(None, names)) for method, names in told.groupby("method", sort=False)["train_data"]}


def marked(rows: pd.DataFrame) -> dict[str, str]:
    """Each method's name for people, with a mark where stand-ins were among its training images: ``IRDM, D2 *``."""
    marks, found = _marks(rows), _stand_ins(rows)
    return {method: f"{label(method)} {marks[found[method]]}" if method in found else label(method) for method in train_data(rows)}


def note(rows: pd.DataFrame) -> str:
    """What the marks mean, ``trained with stand-ins: * phantom faces for brain, ct``; empty without any."""
    told = "; ".join(f"{mark} {stand_ins}" for stand_ins, mark in _marks(rows).items())
    return f"trained with stand-ins: {told}" if told else ""


def write_note(figure: Figure, rows: pd.DataFrame) -> None:
    """Write :func:`note` below a figure, if there is one."""
    if note(rows):
        figure.supxlabel(textwrap.fill(note(rows), round(figure.get_figwidth() * LETTERS_PER_INCH)), fontsize=7.5)


def in_full(rows: pd.DataFrame) -> dict[str, str]:
    """Each method's name for people, the stand-ins in words: ``IRDM, D2 (phantom faces for brain, ct)``."""
    found = _stand_ins(rows)
    return {method: f"{label(method)} ({found[method]})" if method in found else label(method) for method in train_data(rows)}


def _stand_ins(rows: pd.DataFrame) -> dict[str, str]:
    """What stood in for what, of the methods of which something did."""
    told = {}
    for method, data in train_data(rows).items():
        trainings = data.split("; ")
        found = list(dict.fromkeys(match[1] for training in trainings if (match := STAND_INS.search(training))))
        if found:
            some = "" if all(STAND_INS.search(training) for training in trainings) else " in some trainings"
            told[method] = " or ".join(found) + some
    return told


def _marks(rows: pd.DataFrame) -> dict[str, str]:
    """A mark for each different set of stand-ins; after the last mark each is doubled, and so on."""
    different = dict.fromkeys(_stand_ins(rows).values())
    return {stand_ins: MARKS[rank % len(MARKS)] * (1 + rank // len(MARKS)) for rank, stand_ins in enumerate(different)}
