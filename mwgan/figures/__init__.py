"""Figures: a results table in, a matplotlib figure out. Knows no torch, no training and no file names."""

from mwgan.figures.comparison_panel import comparison_panel
from mwgan.figures.metric_by_wedge import metric_by_wedge
from mwgan.figures.slice_panel import slice_panel

__all__ = ["comparison_panel", "metric_by_wedge", "slice_panel"]
