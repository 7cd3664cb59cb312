"""The loggers of a run, and how they resume the log in its folder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from omegaconf import DictConfig

from mwgan.configuration import build
from mwgan.errors import MissingExtraError
from mwgan.files.atomic import atomic_write
from mwgan.runs.folder import is_first_process

WANDB_ID = "wandb_id"  # file in the run folder with the id of the Weights & Biases run


def loggers(cfg: DictConfig) -> list[Any]:
    """The loggers that ``cfg.logger`` names.

    Raises
    ------
    MissingExtraError
        If one of them needs a package that isn't installed.
    """
    folder = Path(cfg.paths.output_dir)
    if is_first_process():
        _keep_log(folder / "csv")
    return [_wandb(node, folder, cfg.resume is not None) if _is_wandb(node) else build(node) for node in cfg.logger.values() if node]


def _is_wandb(node: DictConfig) -> bool:
    return "Wandb" in node._target_


def _wandb(node: DictConfig, folder: Path, resumed: bool) -> Any:
    if find_spec("wandb") is None:
        raise MissingExtraError("the log of Weights & Biases", "wandb", "pip install 'mwgan[wandb]', or log elsewhere (logger=default)")
    return build(node, id=node.get("id") or _kept_id(folder / WANDB_ID, resumed))


def _kept_id(file: Path, resumed: bool) -> str | None:
    """The id of a resumed run, or a new one for a new run."""
    if not is_first_process():
        return None  # only the first process logs there
    if resumed and file.is_file():
        return file.read_text(encoding="utf-8").strip()
    file.parent.mkdir(parents=True, exist_ok=True)
    chosen = uuid4().hex[:8]
    with atomic_write(file) as partial:
        partial.write_text(chosen + "\n", encoding="utf-8")
    return chosen


def _keep_log(folder: Path) -> None:
    """Rename the log of a resumed run: the logger would delete it at its start."""
    log = folder / "metrics.csv"
    if log.is_file():
        log.rename(folder / f"metrics_{len(list(folder.glob('metrics_*.csv'))) + 1}.csv")
