"""Figures: a results table in, a matplotlib figure out. Knows no torch, no training and no file names."""

from mwgan.figures.ablation import ablation
from mwgan.figures.comparison_panel import comparison_panel
from mwgan.figures.details import details
from mwgan.figures.images_by_method import images_by_method
from mwgan.figures.metric_by_wedge import metric_by_wedge
from mwgan.figures.perceptual import perceptual
from mwgan.figures.psnr_ssim import psnr_ssim
from mwgan.figures.quality_table import quality_table
from mwgan.figures.restorer_inputs import restorer_inputs
from mwgan.figures.sinograms import sinograms
from mwgan.figures.slice_panel import slice_panel
from mwgan.figures.spectra import spectra
from mwgan.figures.training_curves import training_curves
from mwgan.figures.wedge import wedge

__all__ = [
    "ablation",
    "comparison_panel",
    "details",
    "images_by_method",
    "metric_by_wedge",
    "perceptual",
    "psnr_ssim",
    "quality_table",
    "restorer_inputs",
    "sinograms",
    "slice_panel",
    "spectra",
    "training_curves",
    "wedge",
]
