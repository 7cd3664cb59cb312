"""``mwgan-figures``: pictures and tables from a results table, curves of a training, the report of a sweep."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from mwgan.configuration import look_in_parts, plain, take_methods_of_command_line
from mwgan.paths import conf_dir
from mwgan.runs import exit

OPTIONS = ("columns", "trained_deg", "ranges_deg", "zoom_deg")  # of some figures


def draw(cfg: DictConfig) -> list[Path]:
    """Draw the figures of ``cfg`` and return their files."""
    from mwgan.figures.registry import drawings, register_others
    from mwgan.figures.writing import write
    from mwgan.results.table import table_files
    from mwgan.runs.report import write_report, write_training_curves

    settings = _plain(cfg)
    folder = None if settings["folder"] is None else Path(settings["folder"])
    if settings["report"] is not None:
        return [write_report(Path(settings["report"]), folder)]
    if settings["run"] is not None:
        return [write_training_curves(Path(settings["run"]), folder)]
    register_others(settings["figure_modules"])
    table = recorded_of(cfg)
    options = {name: settings[name] for name in OPTIONS}
    files = []
    for name, drawing in drawings(table, settings["figures"], options, _measure_again).items():
        drawn = drawing()
        files.append(write(drawn, (folder or table.table.parent) / name, table_files(table.table)))
        if name == "quality_table":
            _print_table(drawn)
    return files


def recorded_of(cfg: DictConfig) -> Any:
    """The table of ``cfg``, and the selection to draw."""
    from mwgan.results.recorded import Choice, Recorded

    settings = _plain(cfg)
    return Recorded(settings["table"], Choice(**{field.name: settings[field.name] for field in fields(Choice)}))


def _plain(cfg: DictConfig) -> dict[str, Any]:
    """The configuration without its folders, which need Hydra to be resolved."""
    return {str(key): plain(node) for key, node in cfg.items() if key != "paths"}


def _measure_again(*given: Any) -> Any:
    from mwgan.evaluation.measure_again import measure_again  # loads torch, which most figures don't need

    return measure_again(*given)


def _print_table(rows: Any) -> None:
    import pandas as pd
    from rich.table import Table

    from mwgan.cli.tables import print_whole
    from mwgan.results.columns import column

    metrics = {"psnr": ".2f", "ssim": ".4f", "rmse_255": ".2f", "perceptual_index": ".2f"}
    shown = Table(title="quality: means over images ± standard deviation; on the right the paper's values")
    for heading in ("method", "sinogram"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("images", *2 * [column(metric).label for metric in metrics]):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        cells = []
        for metric, precision in [(f"{whose}{metric}", precision) for whose in ("", "paper_") for metric, precision in metrics.items()]:
            deviation = f" ± {row[f'{metric}_std']:{precision}}" if f"{metric}_std" in row else ""
            cells.append("" if pd.isna(row[metric]) else f"{row[metric]:{precision}}{deviation}")
        shown.add_row(row["method"], row["sinogram"], str(row["images"]), *cells)
    print_whole(shown)


@hydra.main(config_path=str(conf_dir()), config_name="figures", version_base="1.3")
@exit.in_one_sentence
def _main(cfg: DictConfig) -> None:
    take_methods_of_command_line()
    for file in draw(cfg):
        print(f"drawn: {file}")


def main() -> None:
    look_in_parts()
    exit.run(_main)


if __name__ == "__main__":
    main()
