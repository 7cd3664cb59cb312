"""The best and worst images of a method, with the truth and the difference."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mwgan.errors import InputError
from mwgan.figures.parts.picture_grid import picture_grid, show
from mwgan.results.kept import decode
from mwgan.results.means import with_train_seed
from mwgan.results.subjects import known_subject

LARGEST_DIFFERENCE = 0.3  # of intensities in [0, 1], at the ends of the colour scale
KINDS = ("best", "worst")
SAME = ["method", "sinogram", "wedge_deg", "source", "noise_percent", "image", "seed", "train_seed"]
SCORES = ["psnr", "ssim", "nrmse"]
SUBJECT_LETTERS = 28  # of a subject's name, which may be a path: its end is shown


def extremes(results: pd.DataFrame, tomograms: pd.DataFrame, method: str) -> pd.DataFrame:
    """The best and the worst kept tomogram of ``method`` for each source, by NRMSE, with scores and, if known, their subject.

    Empty if none were kept, or if the table is older than ``kept_as``.
    """
    if "kept_as" not in tomograms:
        return tomograms.iloc[:0]
    rows = with_train_seed(tomograms).drop(columns=[*SCORES, "subject"], errors="ignore")
    rows = rows[(rows["method"] == method) & rows["kept_as"].isin(KINDS)]
    known = with_train_seed(results).assign(subject=known_subject(results))
    scored = rows.merge(known[[*SAME, *SCORES, "subject"]].drop_duplicates(SAME, keep="last"), on=SAME)
    best = scored[scored["kept_as"] == "best"].sort_values("nrmse")
    worst = scored[scored["kept_as"] == "worst"].sort_values("nrmse", ascending=False)
    return pd.concat([best.drop_duplicates("source"), worst.drop_duplicates("source")], ignore_index=True)


def best_and_worst(chosen: pd.DataFrame, tomograms: pd.DataFrame) -> Figure:
    """Rows are sources; on the left the best image, on the right the worst: tomogram, truth, and the difference.

    Parameters
    ----------
    chosen
        Rows of :func:`extremes`.
    tomograms
        All kept tomograms; the truths are found here.
    """
    if chosen.empty:
        raise InputError(
            "no best and worst images of the method were kept: evaluate it into a new table, mwgan-evaluate keeps those of networks"
        )
    sources = list(dict.fromkeys(chosen["source"]))
    figure, axes = picture_grid([name for kind in KINDS for name in (kind, "truth", "difference")], rows=len(sources))
    scale = None
    for _, row in chosen.iterrows():
        place, left = sources.index(row["source"]), 3 * KINDS.index(row["kept_as"])
        picture, original = decode(row), _truth_of(tomograms, row)
        show(axes[place, left], picture)
        axes[place, left].set_xlabel(caption(row), fontsize=7)
        if original is not None:
            show(axes[place, left + 1], original)
            scale = axes[place, left + 2].imshow(picture - original, cmap="PuOr", vmin=-LARGEST_DIFFERENCE, vmax=LARGEST_DIFFERENCE)
    for axis, source in zip(axes[:, 0], sources, strict=True):
        axis.set_ylabel(source, fontsize=8)
    if scale is not None:
        bar = figure.colorbar(scale, ax=axes.ravel().tolist(), fraction=0.02, pad=0.01, extend="both")
        bar.ax.tick_params(labelsize=7)
    return figure


def caption(row: pd.Series) -> str:
    """Wedge, image, training, scores and subject of a row of :func:`extremes`, in two lines, or three where the subject is known."""
    training = "" if pd.isna(row["train_seed"]) else f", seed {row['train_seed']:g}"
    lines = [f"wedge {row['wedge_deg']:g}°, image {row['image']}{training}"]
    if subject := row["subject"]:
        lines.append("of " + (subject if len(subject) <= SUBJECT_LETTERS else f"…{subject[-SUBJECT_LETTERS:]}"))
    return "\n".join([*lines, f"{row['psnr']:.1f} dB / {row['ssim']:.3f} / NRMSE {row['nrmse']:.3f}"])


def _truth_of(tomograms: pd.DataFrame, row: pd.Series):  # type: ignore[no-untyped-def]
    """The true image (N, N) of a kept tomogram; None if it was not kept."""
    same = (tomograms["method"] == "truth") & (tomograms["source"] == row["source"])
    same &= (tomograms["image"] == row["image"]) & (tomograms["seed"] == row["seed"])
    return decode(tomograms[same].iloc[-1]) if same.any() else None
