"""One look for all figures: a colour and a name for each method, whatever else is drawn."""

from __future__ import annotations

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

LABELS = {
    "truth": "truth",
    "wbp": "WBP",
    "sirt": "SIRT",
    "sart": "SART",
    "tvm": "TVM",
    "irdm_pixel": "U-Net++, pixel loss",
    "irdm": "IRDM",
    "irdm_shipped": "IRDM, shipped",
    "irdm_pixel_shipped": "U-Net++, shipped",
}
# Okabe and Ito's palette: told apart by readers with any colour vision, and in grey by the markers.
COLORS = {
    "wbp": "#999999",
    "sirt": "#56B4E9",
    "sart": "#0072B2",
    "tvm": "#E69F00",
    "irdm_pixel": "#009E73",
    "irdm": "#D55E00",
    "irdm_shipped": "#CC79A7",
    "irdm_pixel_shipped": "#117733",
}
SPARE = ("#000000", "#F0E442")
MARKERS = "os^Dv*PX"


def label(method: str) -> str:
    """A method's name for people."""
    return LABELS.get(method, method)


def look(methods: list[str]) -> dict[str, dict[str, str]]:
    """Colour and marker of each method; the same for a known method in every figure."""
    unknown = [method for method in methods if method not in COLORS]
    spare = {method: SPARE[rank % len(SPARE)] for rank, method in enumerate(unknown)}
    return {
        method: {"color": COLORS.get(method) or spare[method], "marker": MARKERS[rank % len(MARKERS)]}
        for rank, method in enumerate(methods)
    }


def new_figure(width: float, height: float) -> Figure:
    """A figure in inches that belongs to no window and is forgotten when its owner forgets it."""
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure
