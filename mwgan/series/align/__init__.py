"""Alignment of raw tilt series: image shifts along and across the tilt axis, and the axis' angle and position."""

from mwgan.series.align.align import Aligned, align_series
from mwgan.series.align.alignment import Alignment, read_alignment
from mwgan.series.align.apply import applied_files, apply_alignment
from mwgan.series.align.written import aligned_files, write_aligned

__all__ = ["Aligned", "Alignment", "align_series", "aligned_files", "applied_files", "apply_alignment", "read_alignment", "write_aligned"]
