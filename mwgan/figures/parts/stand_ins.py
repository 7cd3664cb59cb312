"""Marks networks trained with fallback data (stand-ins for missing images) wherever their names are shown."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.figure import Figure

from mwgan.figures.parts.style import label
from mwgan.results.methods import Training, made_of, trainings

MARKS = "*†‡§¶#"
LETTERS_PER_INCH = 17  # of a note


def train_data(rows: pd.DataFrame) -> dict[str, str]:
    """Training data of each method, ``D2 (phantom faces for ct)``; all of them if its trainings differ, empty if it has none."""
    return {method: "; ".join(map(in_words, known)) for method, known in trainings(rows).items()}


def in_words(training: Training) -> str:
    """``D2``, or ``D2 (phantom faces for brain, ct)``."""
    return f"{training.data} ({substitutes(training.stand_ins)})" if training.stand_ins else training.data


def substitutes(stand_ins: str) -> str:
    """``phantom faces for brain, ct``."""
    return f"phantom faces for {stand_ins}"


def names(rows: pd.DataFrame) -> dict[str, str]:
    """Each method's label."""
    return {method: label(*parts) for method, parts in made_of(rows).items()}


def marked(rows: pd.DataFrame) -> dict[str, str]:
    """Each method's label, with a mark if it was trained with stand-ins: ``IRDM, D2 *``."""
    marks, found = _marks(rows), _stand_ins(rows)
    return {method: f"{name} {marks[found[method]]}" if method in found else name for method, name in names(rows).items()}


def note(rows: pd.DataFrame) -> str:
    """A legend of the marks, ``trained with stand-ins: * phantom faces for brain, ct``; empty without any."""
    legend = "; ".join(f"{mark} {stand_ins}" for stand_ins, mark in _marks(rows).items())
    return f"trained with stand-ins: {legend}" if legend else ""


def write_note(figure: Figure, rows: pd.DataFrame) -> None:
    """Write :func:`note` below a figure, if there is one."""
    if note(rows):
        figure.supxlabel(textwrap.fill(note(rows), round(figure.get_figwidth() * LETTERS_PER_INCH)), fontsize=7.5)


def in_full(rows: pd.DataFrame) -> dict[str, str]:
    """Each method's label, with its stand-ins in words: ``IRDM, D2 (phantom faces for brain, ct)``."""
    found = _stand_ins(rows)
    return {method: f"{name} ({found[method]})" if method in found else name for method, name in names(rows).items()}


def _stand_ins(rows: pd.DataFrame) -> dict[str, str]:
    """The stand-ins of each method that has any."""
    legend = {}
    for method, known in trainings(rows).items():
        found = list(dict.fromkeys(substitutes(training.stand_ins) for training in known if training.stand_ins))
        if found:
            legend[method] = " or ".join(found) + ("" if all(training.stand_ins for training in known) else " in some trainings")
    return legend


def _marks(rows: pd.DataFrame) -> dict[str, str]:
    """A mark for each different set of stand-ins; after the last mark each is doubled, and so on."""
    different = dict.fromkeys(_stand_ins(rows).values())
    return {stand_ins: MARKS[rank % len(MARKS)] * (1 + rank // len(MARKS)) for rank, stand_ins in enumerate(different)}
