"""A common style for all figures: each method's label and colour from the list of methods.

Its colours (``conf/method``) are Okabe and Ito's palette, and from Paul Tol's those that keep clear of it under every kind of colour
vision: 17 units of CIELAB or more among the methods of Ding 2019, and among those of each figure of IRDM 2020, by the simulation of
Machado et al. 2009. In grey the markers differ. D5, D4, D3, D6 darken as their range of wedges widens.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mwgan.methods import known_methods
from mwgan.results.columns import CORRECTED
from mwgan.results.methods import made_of

# For methods without their own colour, as those of a sweep; when colours run out, the line style differs.
SPARE = ("#44AA99", "#F0E442", "#AA3377", "#4477AA", "#BBCC33", "#EE8866", "#7A5195", "#8C6D31")
MARKERS = "os^Dv*PX<>ph"
LINES = ("-", "--", ":", "-.")


def label(reconstructor: str, data_consistency: bool = False) -> str:
    """A method's label: that of its reconstructor, and whether data consistency corrects it."""
    entry = known_methods().get(reconstructor)
    return (entry.label if entry else reconstructor) + (CORRECTED if data_consistency else "")


def look(rows: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Colour, marker and kind of line of each method of ``rows``; colour and line are the same for a known method in every figure.

    A method corrected for data consistency has the colour of its reconstructor, and a dashed line.
    """
    methods = made_of(rows)
    colors = {entry.name: entry.color for entry in known_methods().values() if entry.color}
    unknown = list(dict.fromkeys(base for base, _ in methods.values() if base not in colors))
    places = {base: place for place, base in enumerate(unknown)}
    styles = {}
    for rank, (method, (base, corrected)) in enumerate(methods.items()):
        turn, place = divmod(places.get(base, 0), len(SPARE))
        styles[method] = {
            "color": colors.get(base, SPARE[place]),
            "marker": MARKERS[rank % len(MARKERS)],
            "linestyle": LINES[(turn + corrected) % len(LINES)],
        }
    return styles


def new_figure(width: float, height: float) -> Figure:
    """A figure in inches without a window or a reference in pyplot."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
