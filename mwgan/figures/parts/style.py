"""One look for all figures: a colour and a name for each method, whatever else is drawn."""

from __future__ import annotations

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mwgan.results.columns import CORRECTED
from mwgan.results.methods import made_of

LABELS = {
    "truth": "truth",
    "wbp": "WBP",
    "sirt": "SIRT",
    "sart": "SART",
    "tvm": "TVM",
    "tvm_paper": "TVM, untuned",
    "irdm_pixel": "U-Net++, pixel loss",
    "irdm": "IRDM",
    "irdm_shipped": "IRDM, shipped",
    "irdm_pixel_shipped": "U-Net++, shipped",
    "irdm_d1": "IRDM, D1",
    "irdm_d2": "IRDM, D2",
    "irdm_d2_prime": "IRDM, D2′",
    "irdm_d3": "IRDM, D3",
    "irdm_d4": "IRDM, D4",
    "irdm_d5": "IRDM, D5",
    "irdm_d6": "IRDM, D6",
    "inpainting_wbp": "inpainting + WBP",
    "deartifact": "de-artifact alone",
    "deartifact_equal_compute": "de-artifact alone, equal compute",
    "tvm_directional": "TVM, directional",
    "lpd": "LPD",
    "lpd_gan": "LPD, adversarial",
    "joint": "joint",
    "joint_adversarial": "joint, adversarial",
    "joint_two_stages": "joint, two stages",
}
# Okabe and Ito's palette, and from Paul Tol's those that keep clear of it under every kind of colour vision (17 units of
# CIELAB or more among the methods of Ding 2019, and among those of each figure of IRDM 2020, by the simulation of Machado
# et al. 2009); in grey the markers tell. D5, D4, D3, D6 darken as their range of wedges widens.
COLORS = {
    "wbp": "#999999",
    "sirt": "#56B4E9",
    "sart": "#0072B2",
    "tvm": "#E69F00",
    "irdm_pixel": "#009E73",
    "irdm": "#D55E00",
    "irdm_shipped": "#CC79A7",
    "irdm_pixel_shipped": "#117733",
    "tvm_paper": "#DDCC77",
    "inpainting_wbp": "#661100",
    "deartifact": "#882255",
    "joint": "#332288",
    "joint_adversarial": "#000000",
    "joint_two_stages": "#88CCEE",
    "tvm_directional": "#DDCC77",
    "lpd": "#000000",
    "lpd_gan": "#CC79A7",
    "irdm_d1": "#88CCEE",
    "irdm_d2": "#009E73",
    "irdm_d2_prime": "#117733",
    "irdm_d3": "#882255",
    "irdm_d4": "#CC79A7",
    "irdm_d5": "#EFC3DB",
    "irdm_d6": "#222222",
}
# For methods without a colour of their own, as those of a sweep over a value; where they run out the kind of line tells.
SPARE = ("#44AA99", "#F0E442", "#AA3377", "#4477AA", "#BBCC33", "#EE8866", "#7A5195", "#8C6D31")
MARKERS = "os^Dv*PX<>ph"
LINES = ("-", "--", ":", "-.")


def label(reconstructor: str, data_consistency: bool = False) -> str:
    """A method's name for people: that of its reconstructor, and whether data consistency corrects it."""
    return LABELS.get(reconstructor, reconstructor) + (CORRECTED if data_consistency else "")


def look(rows: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Colour, marker and kind of line of each method of ``rows``; colour and line are the same for a known method in every figure.

    A method corrected for data consistency has the colour of its reconstructor, and a dashed line.
    """
    methods = made_of(rows)
    unknown = list(dict.fromkeys(base for base, _ in methods.values() if base not in COLORS))
    places = {base: place for place, base in enumerate(unknown)}
    styles = {}
    for rank, (method, (base, corrected)) in enumerate(methods.items()):
        turn, place = divmod(places.get(base, 0), len(SPARE))
        styles[method] = {
            "color": COLORS.get(base, SPARE[place]),
            "marker": MARKERS[rank % len(MARKERS)],
            "linestyle": LINES[(turn + corrected) % len(LINES)],
        }
    return styles


def new_figure(width: float, height: float) -> Figure:
    """A figure in inches that belongs to no window and is forgotten when its owner forgets it."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
