"""The columns of a results table: their names, what people read, and whether more of it is better.

A table may hold more: what somebody's own judge measures is a column too, and is treated as a metric where it is a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

Kind = Literal["identity", "about", "metric"]
"""What tells rows apart, what else is known of a row, and what was measured of its tomogram."""
Better = Literal["up", "down", ""]


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    name
        As it stands in the file.
    label
        What an axis or a heading says, with the unit.
    kind
        Rows that agree in every column of identity are one and the same.
    better
        Whether a tomogram is better if it has more of a metric, or less; empty of what is no merit.
    from_zero
        Whether it is an error whose axis begins at none.
    in_means
        Whether the table of means shows it; not what another column says already.
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
KEPT_AS = "kept_as"  # of kept tomograms: one of the first images, or a network's best or worst

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
    # What a method is made of: ``lpd + data`` is the reconstructor lpd, its tomograms corrected for what they leave of the data.
    Column(RECONSTRUCTOR, "reconstructor", "about"),
    Column(DATA_CONSISTENCY, "corrected by the data", "about"),
    Column(STAND_INS, "training sources that phantom faces stood in for", "about"),
    Column(SUBJECT, "whose image it is", "about"),  # none of a drawn one
    Column(TRAIN_SEED, "seed of the training", "about"),  # none of classical methods
    # Of mwgan.metrics.
    Column("psnr", "PSNR / dB", "metric", "up"),
    Column("ssim", "SSIM", "metric", "up"),
    Column("nrmse", "NRMSE", "metric", "down", from_zero=True),
    Column("rmse_255", "RMSE / grey levels of 255", "metric", "down", from_zero=True, in_means=False),
    # The NRMSE's two parts, whose squares add up to its own: what is wrong in the wedge, and in the directions that were measured.
    Column("nrmse_inside", "NRMSE in the wedge", "metric", "down", from_zero=True, in_means=False),
    Column("nrmse_outside", "NRMSE outside the wedge", "metric", "down", from_zero=True, in_means=False),
    # Mean Fourier ring correlation with the truth, the relative residual on the measured tilts, and the share of the power
    # that lies in the missing wedge; the last two of the truth as well, whose residual is the noise.
    Column("frc_inside", "FRC in the wedge", "metric", "up"),
    Column("frc_outside", "FRC outside the wedge", "metric", "up"),
    Column("residual", "residual on measured tilts", "metric"),  # no merit below that of the truth
    Column("residual_of_truth", "residual of the truth", "metric"),
    # Of series without a truth: the relative residual on tilts that no method was given, every tenth of those in its range, and those
    # that lie in the wedge; and what the noise alone leaves of the former.
    Column("kept_out", "residual on kept-out tilts", "metric", "down", from_zero=True),
    Column("kept_out_noise", "noise on kept-out tilts", "metric", in_means=False),
    Column("kept_out_in_wedge", "residual on tilts in the wedge", "metric", "down", from_zero=True),
    Column("added_share", "share of the power in the wedge", "metric"),
    Column("added_share_of_truth", "share of the truth's power in the wedge", "metric"),
    # Of images whose features are known: mwgan.evaluation.features.
    Column("omission", "share of features left out", "metric", "down"),
    Column("hallucination", "share of clear area with made-up structure", "metric", "down"),
    # Of networks, where it is asked for: what the calibration multiplied the deviations with, the share of pixels whose error
    # the band holds, Spearman's correlation of error and deviation, and the area between sparsification curve and oracle.
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
CORRECTED = " + data"  # follows the name of a reconstructor that data consistency corrects, for people
_KNOWN = {column.name: column for column in COLUMNS}


def column(name: str) -> Column:
    """The column of that name; of one that nobody has described a metric that is called what it is."""
    return _KNOWN.get(name, Column(name, name, "metric"))


def known_metrics() -> list[str]:
    """The metrics that mwgan measures."""
    return [known.name for known in COLUMNS if known.kind == "metric"]


def metrics_of(rows: pd.DataFrame) -> list[str]:
    """The metrics that ``rows`` hold a value of: those of mwgan in their order, then those of others."""
    foreign = [str(name) for name in rows.select_dtypes("number") if name not in _KNOWN]
    return [name for name in (*known_metrics(), *foreign) if name in rows and rows[name].notna().any()]
