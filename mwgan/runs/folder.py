"""The state of a run folder: which run it holds, and whether that is running, finished or failed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write
from mwgan.files.checkpoints import LAST
from mwgan.files.json_files import read_object
from mwgan.files.locks import hold
from mwgan.runs.options import is_options, job_of
from mwgan.signals import TIME_IS_UP

LOCK = ".begun.lock"  # held while the run is trained
BEGUN = "begun"  # the options of the run, written before it starts; Hydra's own record is overwritten by the next run in the folder
FINISHED = "finished"  # the options and the last metrics, written at the end
FAILED = "failed"  # of a job of a sweep: the error, until it is tried again
CONFIG_DIR = "config_dir"  # a key in BEGUN
RECORD = "record.json"  # what was trained, where and with what
TERMINATED = 128 + signal.SIGTERM  # exit status after SIGTERM
REQUEUE = 128 + (TIME_IS_UP[0] if TIME_IS_UP else 12)  # exit status after SLURM's time-limit signal; 12 is Linux's number for it
INTERRUPTED = 128 + signal.SIGINT  # exit status after Ctrl-C


def is_finished(folder: Path) -> bool:
    """Whether the run in ``folder`` is finished."""
    return (folder / FINISHED).is_file()


def jobs_in(folder: Path) -> list[Path]:
    """The folders of the jobs that were started in a sweep's folder: by number, then those with other names."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if (path / BEGUN).is_file() or (path / RECORD).is_file()), key=by_number)


def by_number(folder: Path) -> tuple[bool, int, str]:
    """Sort key for the folders of jobs."""
    return (not folder.name.isdecimal(), int(folder.name) if folder.name.isdecimal() else 0, folder.name)


def from_here(path: Path) -> Path:
    """A path relative to the working folder, if it lies below it: records should not contain this machine's folders."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def is_first_process() -> bool:
    """Whether this process writes the run's records and logs: rank 0, launched by Lightning, torchrun or SLURM."""
    return not any(int(os.environ.get(rank, 0)) for rank in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Lock ``folder`` during training. The lock of a killed process is released.

    Raises
    ------
    InputError
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with hold(folder / LOCK, f"{folder} is being trained in by another process: wait for it or end it first"):
        yield


def is_claimed(folder: Path) -> bool:
    """Whether a process trains in ``folder``."""
    try:
        with claimed(folder):
            return False
    except InputError:
        return True


def record_start(folder: Path, options: Sequence[str], model: str | None = None, config_dir: Path | None = None) -> None:
    """Record that the run with ``options``, of the configuration ``model``, was started in ``folder`` and isn't finished.

    ``config_dir`` is the absolute path of the user's configuration folder, so that the run can be resumed from anywhere.
    """
    (folder / FINISHED).unlink(missing_ok=True)
    note = {"overrides": list(options), "model": model, CONFIG_DIR: None if config_dir is None else str(config_dir)}
    with atomic_write(folder / BEGUN) as partial:
        partial.write_text(json.dumps(note) + "\n", encoding="utf-8")


@contextmanager
def started(folder: Path, options: Sequence[str], model: str | None = None, config_dir: Path | None = None) -> Iterator[None]:
    """Context in which a run is trained: records its start by :func:`record_start`.

    If the run is refused before it has trained at all, the folder's previous records are restored.
    """
    notes = [folder / name for name in (BEGUN, FINISHED) if (folder / name).is_file()]
    before = {note: text for note in notes if (text := note.read_text(encoding="utf-8"))}
    trained = _changed(folder / LAST)
    record_start(folder, options, model, config_dir)
    try:
        yield
    except InputError:
        if _changed(folder / LAST) == trained:
            for note, text in before.items():
                note.write_text(text, encoding="utf-8")
        raise


def _changed(file: Path) -> int:
    """Time of a file's last change; 0 if there is none."""
    return file.stat().st_mtime_ns if file.is_file() else 0


def record_end(folder: Path, options: Sequence[str], metrics: dict[str, float]) -> None:
    """Record that the run is finished, with its metrics."""
    with atomic_write(folder / FINISHED) as partial:
        partial.write_text(json.dumps({"overrides": list(options), "metrics": metrics}, indent=2) + "\n", encoding="utf-8")
    (folder / FAILED).unlink(missing_ok=True)  # left by a second process that was refused meanwhile


def metrics_of(folder: Path) -> dict[str, float]:
    """The last metrics of a finished run."""
    metrics = read_note(folder / FINISHED).get("metrics")
    return dict(metrics) if isinstance(metrics, dict) else {}


def options_of(folder: Path) -> list[str]:
    """The options of the run that was started or finished in ``folder``; none if they aren't recorded."""
    return next((options for options in _noted(folder) if options), [])


def is_same_job(folder: Path, options: Sequence[str]) -> bool:
    """Whether the run that was started or finished in ``folder``, if any, has these ``options``."""
    return all(job_of(noted) == job_of(options) for noted in _noted(folder))


def _noted(folder: Path) -> list[list[str]]:
    """The options in the records of a folder; invalid ones are skipped."""
    found = (read_note(folder / name).get("overrides") for name in (FINISHED, BEGUN))
    return [options for options in found if is_options(options)]


def read_note(file: Path) -> dict[str, Any]:
    """The content of a record; nothing if it is missing, empty (a stage of an earlier version) or truncated."""
    try:
        return read_object(file)
    except (OSError, ValueError):
        return {}
