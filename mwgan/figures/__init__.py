"""Figures and tables from a results table, with matplotlib; without torch."""

from mwgan.figures.ablation import ablation
from mwgan.figures.comparison_panel import comparison_panel
from mwgan.figures.details import details
from mwgan.figures.honesty import honesty
from mwgan.figures.images_by_method import images_by_method, restorer_inputs
from mwgan.figures.inclusion_matrix import inclusion_matrix, inclusion_matrix_table
from mwgan.figures.means_table import means_table, nrmse_table
from mwgan.figures.metric_by_wedge import metric_by_wedge, metric_grid
from mwgan.figures.perceptual import perceptual
from mwgan.figures.psnr_ssim import psnr_ssim
from mwgan.figures.quality_bars import quality_bars
from mwgan.figures.quality_table import quality_table
from mwgan.figures.sinograms import sinograms
from mwgan.figures.slice_panel import slice_panel
from mwgan.figures.spectra import spectra
from mwgan.figures.training_curves import training_curves
from mwgan.figures.training_ranges import training_ranges
from mwgan.figures.trust_panel import trust_panel
from mwgan.figures.wbp_spectra import wbp_spectra
from mwgan.figures.wedge import wedge

__all__ = [
    "ablation",
    "comparison_panel",
    "details",
    "honesty",
    "images_by_method",
    "inclusion_matrix",
    "inclusion_matrix_table",
    "means_table",
    "metric_by_wedge",
    "metric_grid",
    "nrmse_table",
    "perceptual",
    "psnr_ssim",
    "quality_bars",
    "quality_table",
    "restorer_inputs",
    "sinograms",
    "slice_panel",
    "spectra",
    "training_curves",
    "training_ranges",
    "trust_panel",
    "wbp_spectra",
    "wedge",
]
