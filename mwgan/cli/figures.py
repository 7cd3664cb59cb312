"""``mwgan-figures``: pictures and tables from a results table, curves of a training, the report of a sweep."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from shutil import copyfile
from typing import Any

import hydra
from omegaconf import DictConfig

from mwgan.errors import InputError
from mwgan.files.whole import written_whole
from mwgan.paths import conf_dir
from mwgan.runs import exit
from mwgan.runs.report import read_log, write_report

IMAGES = 3  # rows of a figure of several images, where none are asked for


def draw(cfg: DictConfig) -> list[Path]:
    """Draw the figures that ``cfg`` names; the files."""
    if cfg.report is not None:
        return [_report(Path(cfg.report), cfg.folder)]
    if cfg.run is not None:
        return [_training_curves(Path(cfg.run), cfg.folder)]
    recorded = _Recorded(cfg)
    drawers = _drawers(recorded)
    unknown = [name for name in cfg.figures if name not in drawers]
    if unknown:
        raise InputError(f"there is no figure {', '.join(unknown)}: choose among {', '.join(drawers)}")
    folder = Path(cfg.folder) if cfg.folder is not None else recorded.table.parent
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(drawers[name](), folder / name) for name in cfg.figures]


def _report(sweep: Path, folder: str | None) -> Path:
    """The report of a sweep; in ``folder`` a copy, which is whole because the page needs nothing beside it."""
    file = write_report(sweep)
    if folder is None:
        return file
    copy = Path(folder) / file.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(copy) as partial:
        copyfile(file, partial)
    return copy


def _training_curves(run: Path, folder: str | None) -> Path:
    """The curves of a run folder's log, the parts from before it was resumed included."""
    from mwgan.figures import training_curves

    try:
        log = read_log(run)
    except (OSError, ValueError) as error:
        raise InputError(f"{run} holds no csv/metrics.csv of a training: give the folder of one training or stage (run=…)") from error
    target = run if folder is None else Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    return _write(training_curves(log), target / "training_curves")


def _drawers(recorded: _Recorded) -> dict[str, Callable[[], Any]]:
    """What there is to draw, by name: each gives a figure, or a table."""
    from mwgan import figures

    cfg = recorded.cfg

    def of_an_image(figure: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: figure(recorded.of_one_wedge(recorded.shown), recorded.tomograms, recorded.image, cfg.columns)

    def of_images(figure: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: figure(recorded.of_one_wedge(recorded.shown), recorded.tomograms, recorded.images, cfg.columns)

    def of_means(figure: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: figure(recorded.of_one_wedge(recorded.results))

    def of_all_wedges(figure: Callable[..., Any], *options: Any) -> Callable[[], Any]:
        return lambda: figure(recorded.of_one_sinogram(recorded.results), *options)

    def by_wedge(metric: str) -> Callable[[], Any]:
        return lambda: figures.metric_by_wedge(recorded.of_one_sinogram(recorded.results), metric, cfg.sinogram, cfg.trained_deg)

    def grid(metric: str) -> Callable[[], Any]:
        return lambda: figures.metric_grid(recorded.of_one_sinogram(recorded.everything), metric)

    return {
        "comparison_panel": lambda: _comparison_panel(recorded),
        "wedge": lambda: _wedge(recorded),
        "details": of_an_image(figures.details),
        "sinograms": lambda: _sinograms(recorded),
        "restorer_inputs": of_images(figures.restorer_inputs),
        "spectra": of_an_image(figures.spectra),
        "wbp_spectra": lambda: figures.wbp_spectra(recorded.tomograms, recorded.image),
        "images_by_method": of_images(figures.images_by_method),
        "psnr_ssim": of_means(figures.psnr_ssim),
        "perceptual": of_means(figures.perceptual),
        "ablation": of_an_image(figures.ablation),
        "quality_table": of_means(figures.quality_table),
        "quality_bars": of_all_wedges(figures.quality_bars, cfg.sinogram),
        "training_ranges": of_all_wedges(figures.training_ranges, cfg.ranges_deg or {}, cfg.zoom_deg, cfg.sinogram),
        "inclusion_matrix": of_all_wedges(figures.inclusion_matrix, cfg.sinogram, cfg.ranges_deg),
        "inclusion_matrix_table": of_all_wedges(figures.inclusion_matrix_table, cfg.sinogram),
        "nrmse_table": of_all_wedges(figures.nrmse_table, cfg.sinogram),
        "means_table": lambda: figures.means_table(recorded.of_one_sinogram(recorded.everything)),
        "honesty": lambda: figures.honesty(recorded.of_one_wedge(recorded.of_one_sinogram(recorded.results))),
        **{f"{metric}_by_wedge": by_wedge(metric) for metric in recorded.metrics},
        **{f"{metric}_grid": grid(metric) for metric in recorded.metrics},
    }


class _Recorded:
    """A results table and the tomograms beside it: of what was asked for the latest rows, read when a figure wants them."""

    def __init__(self, cfg: DictConfig) -> None:
        from mwgan.results.table import table_path

        self.cfg, self.table = cfg, table_path(cfg.table)

    @cached_property
    def everything(self) -> Any:
        """Rows of both kinds of sinogram and all noise levels."""
        return self._read(".parquet")

    @cached_property
    def results(self) -> Any:
        """Rows of both kinds of sinogram, one noise level."""
        from mwgan.results.selection import of_one_noise

        return of_one_noise(self.everything)

    @cached_property
    def shown(self) -> Any:
        """Rows that belong to figures of images: one source, one training of each network."""
        from mwgan.results.selection import of_one_source, of_one_training

        return of_one_training(of_one_source(self.results))

    @cached_property
    def tomograms(self) -> Any:
        """Kept tomograms of both kinds of sinogram, and the truth: one source's first images, one training of each network."""
        from mwgan.results.selection import of_one_noise, of_one_source, of_one_training

        return of_one_training(of_one_source(of_one_noise(self._read(".tomograms.parquet"))))

    @property
    def metrics(self) -> list[str]:
        """The columns of numbers that were measured."""
        from mwgan.results.table import IDENTITY

        return [column for column in self.everything.select_dtypes("number") if column not in (*IDENTITY, "train_seed")]

    @property
    def image(self) -> int:
        """The image that a figure of one image shows."""
        return self._kept([self.cfg.image])[0]

    @property
    def images(self) -> list[int]:
        """The images that a figure of several shows."""
        return self._kept(sorted(self.tomograms["image"].unique())[:IMAGES] if self.cfg.images is None else self.cfg.images)

    @property
    def wedge_deg(self) -> float:
        """The wedge of a figure of one wedge."""
        return float(self.of_one_wedge(self.shown)["wedge_deg"].iloc[0])

    @property
    def step_deg(self) -> float:
        """The tilt step that the table was made with."""
        record = self.table.with_name(self.table.name + ".conditions.json")
        try:
            return float(json.loads(record.read_text(encoding="utf-8"))["step_deg"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{record} doesn't tell the tilt step (step_deg): mwgan-evaluate writes it beside a table") from error

    def of_one_wedge(self, rows: Any) -> Any:
        """The rows, for a figure that means nothing across wedges."""
        wedges = sorted(rows["wedge_deg"].unique())
        if len(wedges) > 1:
            raise InputError(f"this figure shows one wedge, and the table has {_listed(wedges)}: choose one (wedges_deg=[{wedges[0]:g}])")
        return rows

    def of_one_sinogram(self, rows: Any) -> Any:
        """The rows of ``cfg.sinogram``."""
        chosen = rows[rows["sinogram"] == self.cfg.sinogram]
        if chosen.empty:
            raise InputError(f"the table has no {self.cfg.sinogram} sinograms: it has {', '.join(sorted(rows['sinogram'].unique()))}")
        return chosen

    def _kept(self, images: Any) -> list[int]:
        kept = {int(image) for image in self.tomograms["image"]}
        for image in images:
            if image not in kept:
                raise InputError(
                    f"no tomograms of image {image} were kept; kept are {sorted(kept)}: choose among these (image=…, images=…)"
                )
        return [int(image) for image in images]

    def _read(self, suffix: str) -> Any:
        import pandas as pd

        from mwgan.results.selection import choose, first_images
        from mwgan.results.table import latest

        path = self.table.with_name(self.table.name + suffix)
        try:
            rows = first_images(pd.read_parquet(path))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is not there or not a results table: name one with table=…, mwgan-evaluate makes it") from error
        there = sorted(rows["wedge_deg"].unique())
        asked = there if self.cfg.wedges_deg is None else [float(wedge) for wedge in self.cfg.wedges_deg]
        chosen = rows[rows["wedge_deg"].isin(asked)]
        if chosen.empty:
            raise InputError(f"{path} has nothing at wedges of {_listed(asked)} degrees: it has {_listed(there)} (wedges_deg=…)")
        return latest(choose(chosen, self.cfg.test_source, self._methods(chosen), self.cfg.train_seed, self.cfg.noise_percent))

    def _methods(self, rows: Any) -> list[str] | None:
        """The methods that must be there, and of ``also`` those that are; None for all."""
        if self.cfg.methods is None:
            return None
        there = set(rows["method"])
        return [*self.cfg.methods, *(method for method in self.cfg.also if method in there and method not in self.cfg.methods)]


def _comparison_panel(recorded: _Recorded) -> Any:
    from mwgan.figures import comparison_panel

    results, tomograms = (recorded.of_one_sinogram(rows) for rows in (recorded.shown, recorded.tomograms))
    return comparison_panel(results, tomograms, recorded.image, recorded.cfg.sinogram)


def _wedge(recorded: _Recorded) -> Any:
    from mwgan.figures import wedge
    from mwgan.recon import WBP

    image, sinogram, measurement = _measured_anew(recorded)
    tilt_deg = _array(measurement.geometry.tilt_deg)
    return wedge(image, sinogram, _array(measurement.measured), tilt_deg, _array(WBP()(measurement)[0, 0]), recorded.wedge_deg)


def _sinograms(recorded: _Recorded) -> Any:
    from mwgan.figures import sinograms
    from mwgan.recon import InpaintSinogram

    image, sinogram, measurement = _measured_anew(recorded)
    tilt_deg = _array(measurement.geometry.tilt_deg)
    task = InpaintSinogram(len(image), recorded.step_deg)
    return sinograms(image, sinogram, _array(measurement.measured), tilt_deg, _array(task.see(measurement)[0, 0] / task.unit))


def _measured_anew(recorded: _Recorded) -> tuple[Any, Any, Any]:
    """A kept image (N, N), its complete sinogram (A, N), and its measurement with the table's wedge and tilts; no noise."""
    import torch

    from mwgan.geometry import Measurement, TiltGeometry
    from mwgan.operators import projector_for
    from mwgan.results.kept import truth

    image = truth(recorded.tomograms, recorded.image)
    geometry = TiltGeometry.full(len(image), recorded.step_deg)
    sinogram = projector_for(geometry)(torch.from_numpy(image)[None, None])
    return image, _array(sinogram[0, 0]), Measurement(sinogram, geometry.measured(recorded.wedge_deg), geometry)


def _write(drawn: Any, path: Path) -> Path:
    """A figure as ``<path>.png``; a table as ``<path>.csv``, that of qualities printed too."""
    import pandas as pd

    from mwgan.results.table import write_table

    if isinstance(drawn, pd.DataFrame):
        write_table(drawn, path, suffixes=(".csv",))
        if "paper_psnr" in drawn:
            _print_table(drawn, path.name.replace("_", " "))
        return path.with_name(path.name + ".csv")
    file = path.with_name(path.name + ".png")
    drawn.savefig(file, bbox_inches="tight", pad_inches=0.06, pil_kwargs={"optimize": True})
    return file


def _print_table(rows: Any, title: str) -> None:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=f"{title}: means over images, ± standard deviation; on the right the paper's values")
    for heading in ("method", "sinogram"):
        shown.add_column(heading, no_wrap=True)
    metrics = {"psnr": ("PSNR / dB", ".2f"), "ssim": ("SSIM", ".4f"), "rmse_255": ("RMSE / 255", ".2f"), "perceptual_index": ("PI", ".2f")}
    columns = [(f"{whose}{metric}", precision) for whose in ("", "paper_") for metric, (_, precision) in metrics.items()]
    for heading in ("images", *(heading for heading, _ in metrics.values()), *(heading for heading, _ in metrics.values())):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        cells = ["" if pd.isna(row[column]) else f"{row[column]:{precision}}" for column, precision in columns]
        for place, (column, precision) in enumerate(columns):
            if f"{column}_std" in row and cells[place]:
                cells[place] += f" ± {row[f'{column}_std']:{precision}}"
        shown.add_row(row["method"], row["sinogram"], str(row["images"]), *cells)
    Console(width=150).print(shown)


def _array(values: Any) -> Any:
    import numpy as np

    return np.asarray(values)


def _listed(numbers: Any) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


@hydra.main(config_path=str(conf_dir()), config_name="figures", version_base="1.3")
@exit.in_one_sentence
def _main(cfg: DictConfig) -> None:
    for file in draw(cfg):
        print(f"drawn: {file}")


def main() -> None:
    exit.run(_main)


if __name__ == "__main__":
    main()
