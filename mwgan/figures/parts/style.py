"""One look for all figures: the name and colour that the list of methods gives each, whatever else is drawn.

Its colours (``conf/method``) are Okabe and Ito's palette, and from Paul Tol's those that keep clear of it under every kind of colour
vision: 17 units of CIELAB or more among the methods of Ding 2019, and among those of each figure of IRDM 2020, by the simulation of
Machado et al. 2009. In grey the markers tell. D5, D4, D3, D6 darken as their range of wedges widens.
"""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mwgan.methods import known_methods

# For methods without a colour of their own, as those of a sweep over a value; where they run out the kind of line tells.
SPARE = ("#44AA99", "#F0E442", "#AA3377", "#4477AA", "#BBCC33", "#EE8866", "#7A5195", "#8C6D31")
MARKERS = "os^Dv*PX<>ph"
LINES = ("-", "--", ":", "-.")


CORRECTED = " + data"  # ends the name of a method whose tomograms data consistency corrected


def label(method: str) -> str:
    """A method's name for people."""
    base = method.removesuffix(CORRECTED)
    entry = known_methods().get(base)
    return (entry.label if entry else base) + method[len(base) :]


def look(methods: list[str]) -> dict[str, dict[str, str]]:
    """Colour, marker and kind of line of each method; colour and line are the same for a known method in every figure.

    A method corrected for data consistency has the colour of the method itself, and a dashed line.
    """
    bases = {method: method.removesuffix(CORRECTED) for method in methods}
    colors = {entry.name: entry.color for entry in known_methods().values() if entry.color}
    unknown = list(dict.fromkeys(base for base in bases.values() if base not in colors))
    places = {base: place for place, base in enumerate(unknown)}
    styles = {}
    for rank, method in enumerate(methods):
        turn, place = divmod(places.get(bases[method], 0), len(SPARE))
        styles[method] = {
            "color": colors.get(bases[method], SPARE[place]),
            "marker": MARKERS[rank % len(MARKERS)],
            "linestyle": LINES[(turn + (bases[method] != method)) % len(LINES)],
        }
    return styles


def new_figure(width: float, height: float) -> Figure:
    """A figure in inches that belongs to no window and is forgotten when its owner forgets it."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
