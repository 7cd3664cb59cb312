"""The loggers of a run, and how they resume the log in its folder."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from omegaconf import DictConfig

from mwgan.configuration import build
from mwgan.errors import InputError, MissingExtraError
from mwgan.files.atomic import atomic_write
from mwgan.runs.folder import is_first_process

WANDB_ID = "wandb_id"  # file in the run folder with the id of the Weights & Biases run
MLFLOW_ID = "mlflow_run_id"
TRACKIO_ID = "trackio_id"
SQLITE = "sqlite:///"


def loggers(cfg: DictConfig) -> list[Any]:
    """The loggers that ``cfg.logger`` names.

    Raises
    ------
    MissingExtraError
        If one of them needs a package that isn't installed.
    InputError
        If MLflow's store can't be used.
    """
    folder = Path(cfg.paths.output_dir)
    if is_first_process():
        _keep_log(folder / "csv")
    return [_built(node, folder, cfg.resume is not None) for node in cfg.logger.values() if node]


def _built(node: DictConfig, folder: Path, resumed: bool) -> Any:
    """One logger; those of dashboards continue the run that they were in."""
    kind: str = node._target_.rpartition(".")[2]
    if "Wandb" in kind:
        _check_installed("wandb", "Weights & Biases")
        return build(node, id=node.get("id") or _kept_id(folder / WANDB_ID, resumed))
    if "Trackio" in kind:
        _check_installed("trackio", "Trackio")
        return build(node, id=node.get("id") or _kept_id(folder / TRACKIO_ID, resumed))
    if "MLFlow" in kind:
        _check_installed("mlflow", "MLflow")
        return _mlflow(node, folder / MLFLOW_ID, resumed)
    return build(node)


def _check_installed(package: str, what: str) -> None:
    if find_spec(package) is None:
        raise MissingExtraError(f"the log of {what}", package, f"pip install 'mwgan[{package}]', or log elsewhere (logger=default)")


def _mlflow(node: DictConfig, file: Path, resumed: bool) -> Any:
    """MLflow's logger, its run begun or found: the store gives the ids."""
    if not is_first_process():
        return build(node)  # it logs nothing there
    if str(node.get("tracking_uri")).startswith(SQLITE):
        Path(node.tracking_uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    kept = _read_id(file) if resumed else None
    from mlflow.exceptions import MlflowException

    try:
        logger = build(node, run_id=node.get("run_id") or kept)
        _keep(file, logger.run_id)
    except MlflowException as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"MLflow can't log to {node.get('tracking_uri')} ({reason}): mend that, or delete {file} for a new run") from error
    return logger


def _kept_id(file: Path, resumed: bool) -> str | None:
    """The id of a resumed run, or a new one for a new run."""
    if not is_first_process():
        return None  # only the first process logs there
    if resumed and (kept := _read_id(file)) is not None:
        return kept
    chosen = uuid4().hex[:8]
    _keep(file, chosen)
    return chosen


def _read_id(file: Path) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None


def _keep(file: Path, chosen: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as partial:
        partial.write_text(chosen + "\n", encoding="utf-8")


def _keep_log(folder: Path) -> None:
    """Rename the log of a resumed run: the logger would delete it at its start."""
    log = folder / "metrics.csv"
    if log.is_file():
        log.rename(folder / f"metrics_{len(list(folder.glob('metrics_*.csv'))) + 1}.csv")
