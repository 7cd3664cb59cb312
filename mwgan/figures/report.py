"""A report on a sweep as an HTML page: its runs, training curves, results, and the best and worst images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from mwgan.figures.best_and_worst import best_and_worst, caption, extremes
from mwgan.figures.means_table import ALL, nrmse_table
from mwgan.figures.metric_by_wedge import metric_by_wedge
from mwgan.figures.parts.page import Cell, folded, heading, page, picture, sentence, table
from mwgan.figures.parts.stand_ins import in_full, in_words, marked, note
from mwgan.figures.run_curves import run_curves
from mwgan.results.means import averaged_over, means_over_sources
from mwgan.results.methods import Training
from mwgan.results.reading import training_of

FILES_LISTED = 5  # of the skipped ones


@dataclass(frozen=True)
class Run:
    """A job of a sweep, from its folder.

    Parameters
    ----------
    name
        Name of the folder.
    overrides
        Options of the job.
    record
        Its ``record.json``, empty if there is none yet.
    log
        Its ``csv/metrics.csv``, None if nothing was logged.
    finished
        Whether it is finished.
    panel
        The PNG of its latest held-out images.
    """

    name: str
    overrides: Sequence[str]
    record: Mapping[str, Any]
    log: pd.DataFrame | None
    finished: bool
    panel: bytes | None = None


def report(title: str, runs: Sequence[Run], results: pd.DataFrame | None, tomograms: pd.DataFrame | None) -> str:
    """The self-contained page, without scripts.

    Parameters
    ----------
    title
        The sweep's folder.
    runs
        Its jobs.
    results, tomograms
        The results table of the sweep and its kept tomograms; None if there is none.
    """
    done = sum(run.finished for run in runs)
    counts = f"{_count(len(runs), 'run')}: {done} finished, {len(runs) - done} not finished"
    if results is not None:
        counts += f"; {_count(len(results), 'row')} of results, {_count(results['source'].nunique(), 'test source')}"
    parts = [heading(f"Sweep {title}", 1), sentence(counts), heading("Runs"), *_runs(runs), heading("Curves"), *_curves(runs)]
    parts += [heading("NRMSE against the missing wedge"), *_nrmse(title, results)]
    parts += [heading("Best and worst images"), *_images(results, tomograms)]
    return page(f"Sweep {title}", parts)


def _runs(runs: Sequence[Run]) -> list[str]:
    shared = [option for option in (runs[0].overrides if runs else ()) if all(option in run.overrides for run in runs)]
    headings = (
        "job",
        "options",
        "state",
        "epochs",
        "PSNR / dB, last (best)",
        "SSIM, last (best)",
        "images / s",
        "commit",
        "device",
        "train data",
    )
    rows = []
    for run in runs:
        state = Cell('<span class="done">finished</span>' if run.finished else '<span class="absent">not finished</span>')
        own = [option for option in run.overrides if option not in shared or len(runs) == 1]
        quality = [_last_and_best(run.log, "val/psnr", ".2f"), _last_and_best(run.log, "val/ssim", ".4f")]
        rows.append([
            run.name, Cell("<br>".join(map(escape, own))), state, _epochs(run), *quality, _images_per_second(run.log),
            str(run.record.get("commit", "")), str(run.record.get("device", "")), Cell(_train_data(run.record)),
        ])  # fmt: skip
    parts = [table(headings, rows, numbers=(3, 4, 5, 6))]
    if len(runs) > 1 and shared:
        parts.insert(0, sentence(f"Options of all runs: {' '.join(shared)}"))
    nothing = [run.name for run in runs if run.log is None]
    if nothing:
        parts.append(sentence(f"Nothing logged yet, or failed before the first epoch was over: {_jobs(nothing)}.", absent=True))
    return [*parts, *_sources(runs)]


def _epochs(run: Run) -> str:
    """``12 of 60``, as far as it is known."""
    trainer = run.record.get("config", {}).get("trainer", {})
    most = trainer.get("max_epochs") if isinstance(trainer, Mapping) else None
    done = 0 if run.log is None else int(run.log["epoch"].max()) + 1
    return f"{done} of {most}" if isinstance(most, int) else str(done)


def _last_and_best(log: pd.DataFrame | None, key: str, precision: str) -> str:
    values = log[key].dropna() if log is not None and key in log else pd.Series(dtype=float)
    return "–" if values.empty else f"{values.iloc[-1]:{precision}} ({values.max():{precision}})"


def _images_per_second(log: pd.DataFrame | None) -> str:
    key = "train/images_per_second"
    values = log[key].dropna() if log is not None and key in log else pd.Series(dtype=float)
    return "–" if values.empty else f"{values.median():.1f}"


def _train_data(record: Mapping[str, Any]) -> str:
    """The name of a run's data, with notes on substituted or skipped images, as HTML."""
    notes = [note for source in record.get("data") or () if (note := _not_as_asked(source))]
    notes_html = "".join(f'<br><span class="absent">{escape(note)}</span>' for note in notes)
    return escape(in_words(Training(*training_of(record)))) + notes_html


def _not_as_asked(source: Mapping[str, Any]) -> str:
    """A note on a source's substituted or skipped images; empty if there are none."""
    notes = [f"substituted: {source['substituted']}"] if source.get("substituted") else []
    if source.get("skipped"):
        notes.append(_skipped(source["skipped"]))
    return "; ".join([f"{source.get('name', 'a source')}: {notes[0]}", *notes[1:]]) if notes else ""


def _sources(runs: Sequence[Run]) -> list[str]:
    """A table of what the runs were trained on, each mixture once."""
    mixtures = {
        in_words(Training(*training_of(run.record))): run.record["data"]
        for run in runs
        if run.record.get("train_data") and run.record.get("data")
    }
    rows = []
    for name, sources in mixtures.items():
        for place, source in enumerate(sources):
            counts = [str(source.get(key, "")) for key in ("images", "distinct", "subjects")]
            rows.append(["" if place else name, str(source.get("name", "")), *counts, str(source.get("licence", ""))])
    headings = ("train data", "source", "images", "distinct images", "subjects", "licence")
    return [folded("What the runs were trained on", table(headings, rows, numbers=(2, 3, 4)))] if rows else []


def _skipped(files: Any) -> str:
    """A note on skipped files, given as their number or as a list of names, each with or without the reason."""
    if not isinstance(files, list):
        return f"{files} files left out"
    listed = [" – ".join(map(str, file)) if isinstance(file, list | tuple) else str(file) for file in files[:FILES_LISTED]]
    return f"{_count(len(files), 'file')} left out: {'; '.join(listed)}" + ("; …" if len(files) > FILES_LISTED else "")


def _curves(runs: Sequence[Run]) -> list[str]:
    logged = [run for run in runs if run.log is not None]
    if not logged:
        return [sentence("No run has logged an epoch yet.", absent=True)]
    logs = {_names(run, runs): run.log for run in logged if run.log is not None}
    parts = [picture(run_curves(logs), "PSNR of held-out images and pixel loss of each run against the images seen")]
    panels = "".join(heading(f"Job {run.name}", 3) + picture(run.panel, f"job {run.name}") for run in logged if run.panel is not None)
    return [*parts, folded("Held-out images of each job in its latest epoch", panels)] if panels else parts


def _names(run: Run, runs: Sequence[Run]) -> tuple[str, str]:
    """Labels of a run: its own options without the seed, and its job and seed."""
    own = [option for option in run.overrides if not all(option in other.overrides for other in runs)]
    seeds = [option for option in own if option.startswith("seed=")]
    return ", ".join(option for option in own if option not in seeds), ", ".join([*seeds, f"job {run.name}"])


def _nrmse(title: str, results: pd.DataFrame | None) -> list[str]:
    if results is None:
        return [sentence(f"No results table yet: mwgan-evaluate sweep={title} makes it.", absent=True)]
    rows = results[results["sinogram"] == "missing"]
    if rows.empty:
        return [sentence("The results table has no rows of missing-wedge sinograms.", absent=True)]
    sources = list(dict.fromkeys(rows["source"]))
    parts = []
    if len(sources) > 1:
        if means_over_sources(rows, "nrmse").empty:
            parts.append(
                sentence("No method has results of all test sources at one wedge yet, so there is no mean over them.", absent=True)
            )
        else:
            parts += [picture(metric_by_wedge(rows), "NRMSE against the wedge, mean over sources"), _nrmse_of(rows, ALL)]
    for source in sources:
        own = rows[rows["source"] == source]
        parts += [heading(source, 3), picture(metric_by_wedge(own), f"NRMSE against the wedge, {source}"), _nrmse_of(own, source)]
    return parts


def _nrmse_of(rows: pd.DataFrame, source: str) -> str:
    """Mean NRMSE by method and wedge, with the standard deviation over trainings where there are several; stand-ins marked."""
    means, names = nrmse_table(rows), marked(rows)
    means = means[means["source"] == source]
    wedges = sorted(means["wedge_deg"].unique())
    body = []
    for method, own in means.groupby("method", sort=False):
        by_wedge = own.set_index("wedge_deg")
        cells = [_mean_and_deviation(by_wedge.loc[wedge]) if wedge in by_wedge.index else "–" for wedge in wedges]
        body.append([names[str(method)], str(own["trainings"].max() or ""), *cells])
    title = "Mean NRMSE by missing wedge, ± standard deviation over trainings"
    caption = "; ".join(filter(None, [title, averaged_over(rows), note(rows)]))
    return table(("method", "trainings", *(f"{wedge:g}°" for wedge in wedges)), body, caption, numbers=range(1, 2 + len(wedges)))


def _mean_and_deviation(row: pd.Series) -> str:
    return Cell(f"{row['nrmse']:.4f}" + ("" if pd.isna(row["nrmse_std"]) else f"<br><small>± {row['nrmse_std']:.4f}</small>"))


def _images(results: pd.DataFrame | None, tomograms: pd.DataFrame | None) -> list[str]:
    if results is None or tomograms is None:
        return [sentence("No tomograms were kept yet: mwgan-evaluate keeps them with the results table.", absent=True)]
    names = in_full(results)
    chosen = {method: extremes(results, tomograms, method) for method in names}
    parts = [
        sentence(
            "Of each test source the image with the lowest NRMSE and the one with the highest, over all wedges and trainings: "
            "tomogram, truth, and tomogram less truth (orange: too dark, purple: too bright). "
            "Seeds are of trainings; below them the subject, where it is known, and PSNR / SSIM / NRMSE."
        )
    ]
    for method, rows in chosen.items():
        if not rows.empty:
            captions = "; ".join(f"{row['source']}, {row['kept_as']}: {caption(row)}" for _, row in rows.iterrows()).replace("\n", ", ")
            parts.append(folded(names[method], picture(best_and_worst(rows, tomograms), captions), is_open=len(parts) == 1))
    absent = [names[method] for method, rows in chosen.items() if rows.empty]
    if len(absent) == len(chosen):
        return [sentence("No best and worst images were kept: mwgan-evaluate keeps those of networks.", absent=True)]
    if absent:
        parts.append(sentence(f"None were kept of {', '.join(absent)}.", absent=True))
    return parts


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _jobs(names: Sequence[str]) -> str:
    return f"job{'' if len(names) == 1 else 's'} {', '.join(names)}"
