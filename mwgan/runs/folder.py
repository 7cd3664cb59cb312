"""The state of a run folder: whose it is, whether it is being trained right now, and whether it is finished or failed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mwgan.errors import InputError
from mwgan.files.checkpoints import LAST
from mwgan.files.json_files import read_object
from mwgan.files.locks import hold
from mwgan.files.whole import written_whole
from mwgan.runs.options import is_options, job_of
from mwgan.signals import TIME_IS_UP

LOCK = ".begun.lock"  # held while the run is trained
BEGUN = "begun"  # the options of the run, written before it starts; Hydra's own record is written over by whoever comes next
FINISHED = "finished"  # the same and the last metrics, written when it is done
FAILED = "failed"  # of a job of a sweep: why, until it is tried again
CONFIG_DIR = "config_dir"  # in the first of them
RECORD = "record.json"  # what was trained, where and with what
TERMINATED = 128 + signal.SIGTERM  # exit status of what was told to end
QUEUE_AGAIN = 128 + (TIME_IS_UP[0] if TIME_IS_UP else 12)  # of what was told that its time is nearly up; 12 as Linux numbers it
INTERRUPTED = 128 + signal.SIGINT  # and of what was stopped by Ctrl-C


def is_finished(folder: Path) -> bool:
    """Whether the run in ``folder`` came to its end."""
    return (folder / FINISHED).is_file()


def jobs_in(folder: Path) -> list[Path]:
    """The folders of the jobs that were begun in a sweep's folder: by number, then those with other names."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if (path / BEGUN).is_file() or (path / RECORD).is_file()), key=by_number)


def by_number(folder: Path) -> tuple[bool, int, str]:
    """Sorts the folders of jobs."""
    return (not folder.name.isdecimal(), int(folder.name) if folder.name.isdecimal() else 0, folder.name)


def from_here(path: Path) -> Path:
    """A path as seen from the working folder, if it lies below it: what a run records should not tell this machine's folders."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def is_first_process() -> bool:
    """Whether this is the one of a run's processes that keeps its books: the first on the first machine, whoever started it."""
    return not any(int(os.environ.get(rank, 0)) for rank in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"))


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold ``folder`` while it is trained in. A process that is killed lets go of it.

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


def begin(folder: Path, options: Sequence[str], model: str | None = None, config_dir: Path | None = None) -> None:
    """Note that the run with ``options``, of the configuration ``model``, is trained in ``folder`` and not finished.

    ``config_dir`` is the configuration folder that the user has added, whole, so that the run can be resumed from anywhere.
    """
    (folder / FINISHED).unlink(missing_ok=True)
    note = {"overrides": list(options), "model": model, CONFIG_DIR: None if config_dir is None else str(config_dir)}
    with written_whole(folder / BEGUN) as partial:
        partial.write_text(json.dumps(note) + "\n", encoding="utf-8")


@contextmanager
def begun(folder: Path, options: Sequence[str], model: str | None = None, config_dir: Path | None = None) -> Iterator[None]:
    """:func:`begin` a run, and train it inside.

    If it is refused before it has trained at all, the folder's notes are as they were: it holds what it held.
    """
    notes = [folder / name for name in (BEGUN, FINISHED) if (folder / name).is_file()]
    before = {note: text for note in notes if (text := note.read_text(encoding="utf-8"))}
    trained = _changed(folder / LAST)
    begin(folder, options, model, config_dir)
    try:
        yield
    except InputError:
        if _changed(folder / LAST) == trained:
            for note, text in before.items():
                note.write_text(text, encoding="utf-8")
        raise


def _changed(file: Path) -> int:
    """When a file was last written; 0 where there is none."""
    return file.stat().st_mtime_ns if file.is_file() else 0


def finish(folder: Path, options: Sequence[str], metrics: dict[str, float]) -> None:
    """Note that the run is finished, and with which metrics."""
    with written_whole(folder / FINISHED) as partial:
        partial.write_text(json.dumps({"overrides": list(options), "metrics": metrics}, indent=2) + "\n", encoding="utf-8")
    (folder / FAILED).unlink(missing_ok=True)  # of a second process that was refused meanwhile


def metrics_of(folder: Path) -> dict[str, float]:
    """The last metrics of a finished run."""
    metrics = read_note(folder / FINISHED).get("metrics")
    return dict(metrics) if isinstance(metrics, dict) else {}


def options_of(folder: Path) -> list[str]:
    """The options of the run that was begun or finished in ``folder``; none where it doesn't say."""
    return next((options for options in _noted(folder) if options), [])


def is_same_job(folder: Path, options: Sequence[str]) -> bool:
    """Whether what was begun or finished in ``folder``, if anything, is the run with ``options``."""
    return all(job_of(noted) == job_of(options) for noted in _noted(folder))


def _noted(folder: Path) -> list[list[str]]:
    """The options in the notes of a folder; a note that holds something else in their place says nothing of them."""
    found = (read_note(folder / name).get("overrides") for name in (FINISHED, BEGUN))
    return [options for options in found if is_options(options)]


def read_note(file: Path) -> dict[str, Any]:
    """What a marker or a record says; nothing if it isn't there, is empty (a stage of an earlier version) or was cut short."""
    try:
        return read_object(file)
    except (OSError, ValueError):
        return {}
