"""``mwgan-figures``: pictures from a results table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from mwgan.cli import exit
from mwgan.errors import InputError
from mwgan.paths import conf_dir


def draw(cfg: DictConfig) -> list[Path]:
    """Draw the figures that ``cfg`` names; the files."""
    import pandas as pd

    from mwgan.evaluation.results import table_path
    from mwgan.figures import comparison_panel, metric_by_wedge

    table = table_path(cfg.table)
    results = _chosen(_read(table.with_name(table.name + ".parquet"), pd), cfg)
    folder = Path(cfg.folder) if cfg.folder is not None else table.parent
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in cfg.figures:
        if name == "comparison_panel":
            tomograms = _chosen(_read(table.with_name(table.name + ".tomograms.parquet"), pd), cfg)
            if cfg.image not in set(tomograms["image"]):
                raise InputError(
                    f"no tomograms of image {cfg.image} were kept; kept are {sorted(tomograms['image'].unique())}: choose one (image=…)"
                )
            figure = comparison_panel(results, tomograms, cfg.image, cfg.sinogram)
        elif name.endswith("_by_wedge") and name.removesuffix("_by_wedge") in results.columns:
            figure = metric_by_wedge(results, name.removesuffix("_by_wedge"), cfg.sinogram)
        else:
            raise InputError(
                f"there is no figure {name!r}: choose comparison_panel, nrmse_by_wedge, psnr_by_wedge, ssim_by_wedge or rmse_255_by_wedge"
            )
        files.append(folder / f"{name}.png")
        figure.savefig(files[-1])
    return files


def _chosen(rows: Any, cfg: DictConfig) -> Any:
    """The rows of the sinograms and wedges asked for, the latest of each."""
    from mwgan.evaluation.results import latest

    wedges = sorted(rows["wedge_deg"].unique()) if cfg.wedges_deg is None else [float(wedge) for wedge in cfg.wedges_deg]
    chosen = rows[(rows["sinogram"] == cfg.sinogram) & rows["wedge_deg"].isin(wedges)]
    if chosen.empty:
        sinograms, there = sorted(rows["sinogram"].unique()), [f"{wedge:g}" for wedge in sorted(rows["wedge_deg"].unique())]
        raise InputError(f"the table has no {cfg.sinogram} sinograms at wedges {wedges}: it has {sinograms} at {', '.join(there)}")
    return latest(chosen)


def _read(path: Path, pd):  # type: ignore[no-untyped-def]
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not there or not a results table: name one with table=…, mwgan-evaluate makes it") from error


@hydra.main(config_path=str(conf_dir()), config_name="figures", version_base="1.3")
@exit.in_one_sentence
def _main(cfg: DictConfig) -> None:
    for file in draw(cfg):
        print(f"drawn: {file}")


def main() -> None:
    exit.run(_main)


if __name__ == "__main__":
    main()
