"""Quantification of a volume, every value with a confidence interval: particles, surfaces, wall thickness, porosity, resolution."""

from mwgan.quantify.from_series import subsets_of
from mwgan.quantify.measure import Measured, measure_volume
from mwgan.quantify.subsets import Subsets
from mwgan.quantify.written import check_measured_folder, measured_files, write_measured

__all__ = ["Measured", "Subsets", "check_measured_folder", "measure_volume", "measured_files", "subsets_of", "write_measured"]
