"""``mwgan-evaluate``: methods, wedges and images into one results table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from mwgan.configuration import look_in_parts, plain
from mwgan.errors import InputError
from mwgan.paths import conf_dir
from mwgan.runs import exit
from mwgan.runs.values import check_lists, check_values


def evaluate(cfg: DictConfig) -> Any:
    """Fill the table of ``cfg`` and return it."""
    from mwgan.evaluation.configured import evaluate_configured

    runs = [] if cfg.sweep is None else _finished_runs(cfg.sweep)
    settings = {str(key): plain(node) for key, node in cfg.items() if key != "paths"}  # its folders need Hydra to be resolved
    check_values(settings)
    check_lists(settings)
    settings["table"] = cfg.table or (f"{cfg.paths.root}/evaluate/results" if cfg.sweep is None else f"{cfg.sweep}/results")
    return evaluate_configured(settings, runs, lambda text: print(text, flush=True))


def _finished_runs(folder: str) -> list[tuple[str, str]]:
    """Method and folder of each finished run of a sweep; prints the unfinished ones."""
    from mwgan.runs.sweeps import runs_of

    runs = runs_of(Path(folder))
    for run in runs:
        if not run.finished:
            print(f"{run.folder} is not finished and is left out: resume it with mwgan-train resume={folder}", flush=True)
    finished = [(run.method, str(run.folder)) for run in runs if run.finished]
    if not finished:
        raise InputError(f"{folder} contains no finished run: give the folder of a sweep of mwgan-train, or finish it (resume={folder})")
    return finished


def _print_summary(table: Any) -> None:
    from rich.table import Table

    from mwgan.cli.tables import print_whole
    from mwgan.figures.parts.stand_ins import substitutes
    from mwgan.results.methods import trainings

    summary = table.summary()
    latest = {method: known[-1].stand_ins for method, known in trainings(table.rows).items() if known}
    names = {method: f"{method} ({substitutes(stand_ins)})" if stand_ins else method for method, stand_ins in latest.items()}
    several = summary["noise_percent"].nunique() > 1
    for (source, noise), rows in summary.groupby(["source", "noise_percent"], sort=False):
        wedges = sorted(rows["wedge_deg"].unique())
        has_truth = "psnr" in rows and bool(rows["psnr"].notna().any())
        content = "PSNR in dB / SSIM, mean over images" if has_truth else "residual on kept-out tilts / on tilts in the wedge, in %"
        shown = Table(title=f"{source}{f', {noise:g} % noise' if several else ''}: {content}, by missing wedge")
        for heading in ("method", "sinogram", *(f"{wedge:g}°" for wedge in wedges), "ms per image"):
            shown.add_column(heading, justify="left" if heading in ("method", "sinogram") else "right", no_wrap=True)
        for (method, sinogram), found in rows.groupby(["method", "sinogram"], sort=False):
            means = found.set_index("wedge_deg")
            cells = [_cell(means.loc[wedge], has_truth) if wedge in means.index else "" for wedge in wedges]
            shown.add_row(names.get(method, method), sinogram, *cells, f"{1000 * found['seconds'].mean():.1f}")
        print_whole(shown)


def _cell(means: Any, has_truth: bool) -> str:
    if has_truth:
        return f"{means['psnr']:.1f} / {means['ssim']:.3f}"
    in_wedge = means.get("kept_out_in_wedge", math.nan)
    return f"{100 * means['kept_out']:.2f}" + ("" if math.isnan(in_wedge) else f" / {100 * in_wedge:.2f}")


@hydra.main(config_path=str(conf_dir()), config_name="evaluate", version_base="1.3")
@exit.in_one_sentence
def _main(cfg: DictConfig) -> None:
    table = evaluate(cfg)
    _print_summary(table)
    print(f"the table is {table.path}.csv")


def main() -> None:
    look_in_parts()
    exit.run(_main)


if __name__ == "__main__":
    main()
