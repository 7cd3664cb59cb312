"""The columns of a results table: their names, labels, and whether higher is better.

A table may have more columns: those of the user's own metrics, which are treated as metrics where they are numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["identity", "about", "metric"]
"""Columns that identify a row, further facts about it, and metrics of its tomogram."""
Better = Literal["up", "down", ""]


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    name
        Name in the file.
    label
        Label for axes and headings, with the unit.
    kind
        Rows that agree in all identity columns are the same row.
    better
        Whether a higher or a lower value is better; empty if neither.
    from_zero
        Whether it is an error whose axis starts at 0.
    in_means
        Whether the table of means shows it; False if another column has the same information.
    """

    name: str
    label: str
    kind: Kind
    better: Better = ""
    from_zero: bool = False
    in_means: bool = True


METHOD, CHECKPOINT, TRAIN_DATA = "method", "checkpoint", "train_data"
RECONSTRUCTOR, DATA_CONSISTENCY, STAND_INS = "reconstructor", "data_consistency", "stand_ins"
SUBJECT, TRAIN_SEED, PERCEPTUAL_NOTE = "subject", "train_seed", "perceptual_note"
KEPT_AS = "kept_as"  # for kept tomograms: one of the first images, or a network's best or worst

COLUMNS = (
    Column(METHOD, "method", "identity"),
    Column(CHECKPOINT, "weights and their digest", "identity"),
    Column(TRAIN_DATA, "trained on", "identity"),
    Column("sinogram", "sinogram", "identity"),
    Column("wedge_deg", "missing wedge / degrees", "identity"),
    Column("source", "test source", "identity"),
    Column("noise_percent", "noise added / %", "identity"),
    Column("image", "image", "identity"),
    Column("seed", "seed", "identity"),
    # Parts of a method: ``lpd + data`` is the reconstructor lpd with its tomograms corrected by their data residual.
    Column(RECONSTRUCTOR, "reconstructor", "about"),
    Column(DATA_CONSISTENCY, "corrected by the data", "about"),
    Column(STAND_INS, "training sources replaced by phantom faces", "about"),
    Column(SUBJECT, "subject of the image", "about"),  # None for a synthetic image
    Column(TRAIN_SEED, "seed of the training", "about"),  # None for classical methods
    # From mwgan.metrics.
    Column("psnr", "PSNR / dB", "metric", "up"),
    Column("ssim", "SSIM", "metric", "up"),
    Column("nrmse", "NRMSE", "metric", "down", from_zero=True),
    Column("rmse_255", "RMSE / grey levels of 255", "metric", "down", from_zero=True, in_means=False),
    # The NRMSE's two parts, whose squares add up to its square: the errors in the wedge, and in the measured directions.
    Column("nrmse_inside", "NRMSE in the wedge", "metric", "down", from_zero=True, in_means=False),
    Column("nrmse_outside", "NRMSE outside the wedge", "metric", "down", from_zero=True, in_means=False),
    # Mean Fourier ring correlation with the truth, the relative residual on the measured tilts, and the share of the power
    # in the missing wedge; the last two also for the truth, whose residual is the noise.
    Column("frc_inside", "FRC in the wedge", "metric", "up"),
    Column("frc_outside", "FRC outside the wedge", "metric", "up"),
    Column("residual", "residual on measured tilts", "metric"),  # below that of the truth it isn't better
    Column("residual_of_truth", "residual of the truth", "metric"),
    # For series without a truth: the relative residual on kept-out tilts, every tenth of those in the given range, and on those
    # in the wedge; and what noise alone contributes to the former.
    Column("kept_out", "residual on kept-out tilts", "metric", "down", from_zero=True),
    Column("kept_out_noise", "noise on kept-out tilts", "metric", in_means=False),
    Column("kept_out_in_wedge", "residual on tilts in the wedge", "metric", "down", from_zero=True),
    Column("added_share", "share of the power in the wedge", "metric"),
    Column("added_share_of_truth", "share of the truth's power in the wedge", "metric"),
    # For images with known features: mwgan.evaluation.features.
    Column("omission", "omitted share of features", "metric", "down"),
    Column("hallucination", "share of clear area with hallucinated structure", "metric", "down"),
    # For networks, on request: the calibration factor of the deviations, the share of pixels whose error lies in the
    # band, Spearman's correlation of error and deviation, and the area between sparsification curve and oracle.
    Column("band_scale", "factor of the calibration", "metric"),
    Column("coverage", "share of pixels in the band", "metric"),
    Column("rank_correlation", "rank correlation of error and deviation", "metric", "up"),
    Column("ause", "area under the sparsification error", "metric", "down"),
    Column("perceptual_index", "perceptual index", "metric", "down"),
    Column("seconds", "seconds per image", "metric", "down"),
    Column(PERCEPTUAL_NOTE, "why there is no perceptual index", "about"),
    Column("commit", "commit", "about"),
    Column("device", "device", "about"),
)
NAMES = tuple(column.name for column in COLUMNS)
IDENTITY = tuple(column.name for column in COLUMNS if column.kind == "identity")
CORRECTED = " + data"  # suffix to the name of a reconstructor corrected by data consistency
_KNOWN = {column.name: column for column in COLUMNS}


def column(name: str) -> Column:
    """The column of that name; for an unknown one a metric labelled with its name."""
    return _KNOWN.get(name, Column(name, name, "metric"))


def known_metrics() -> list[str]:
    """The metrics that mwgan measures."""
    return [known.name for known in COLUMNS if known.kind == "metric"]


def metrics_of(rows: pd.DataFrame) -> list[str]:
    """The metrics that ``rows`` have values for: those of mwgan in their order, then others."""
    foreign = [str(name) for name in rows.select_dtypes("number") if name not in _KNOWN]
    return [name for name in (*known_metrics(), *foreign) if name in rows and rows[name].notna().any()]
