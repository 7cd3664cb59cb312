"""Reliability of a reconstruction: data residual, content in the missing wedge, and uncertainty."""

from mwgan.recon.missing import wedge_mask, wedges
from mwgan.trust.beyond import added_part, added_share, error_inside_outside
from mwgan.trust.calibration import Sparsification, ause, calibrated_scale, coverage, rank_correlation, sparsification
from mwgan.trust.disagreement import Disagreement, band_scale, uncertainty_of
from mwgan.trust.frc import fourier_ring_correlation, frc_inside_outside
from mwgan.trust.kept_out import missed_on
from mwgan.trust.residual import energy, noise_deviation, noise_residual, relative_residual, residual_map
from mwgan.trust.uncertainty import FLOOR, Believed, Uncertainty, contrast

__all__ = [
    "FLOOR",
    "Believed",
    "Disagreement",
    "Sparsification",
    "Uncertainty",
    "added_part",
    "added_share",
    "ause",
    "band_scale",
    "calibrated_scale",
    "contrast",
    "coverage",
    "energy",
    "error_inside_outside",
    "fourier_ring_correlation",
    "frc_inside_outside",
    "missed_on",
    "noise_deviation",
    "noise_residual",
    "rank_correlation",
    "relative_residual",
    "residual_map",
    "sparsification",
    "uncertainty_of",
    "wedge_mask",
    "wedges",
]
