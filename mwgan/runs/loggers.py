"""The loggers of a run, and what lets them resume where the log in its folder stopped."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from omegaconf import DictConfig

from mwgan.configuration import build
from mwgan.errors import MissingExtraError
from mwgan.files.whole import written_whole
from mwgan.runs.folder import is_first_process

WANDB_ID = "wandb_id"  # in the run folder: which run of Weights & Biases continues with it


def loggers(cfg: DictConfig) -> list[Any]:
    """The loggers that ``cfg.logger`` names.

    Raises
    ------
    MissingExtraError
        If one of them needs a package that isn't there.
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
    """The id of a run that continues, a new one for a run that begins."""
    if not is_first_process():
        return None  # it logs nothing there
    if resumed and file.is_file():
        return file.read_text(encoding="utf-8").strip()
    file.parent.mkdir(parents=True, exist_ok=True)
    chosen = uuid4().hex[:8]
    with written_whole(file) as partial:
        partial.write_text(chosen + "\n", encoding="utf-8")
    return chosen


def _keep_log(folder: Path) -> None:
    """Set aside the log of a run that continues in its own folder: the logger would begin by deleting it."""
    log = folder / "metrics.csv"
    if log.is_file():
        log.rename(folder / f"metrics_{len(list(folder.glob('metrics_*.csv'))) + 1}.csv")
