"""Trainings of several stages, one after the other: each a training of its own, in a folder of the run."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from mwgan.configuration import plain
from mwgan.errors import InputError
from mwgan.files.checkpoints import has_checkpoint
from mwgan.files.weights import RUN_WEIGHTS, find_weights, read_weights, save_weights
from mwgan.runs.folder import FINISHED, QUEUE_AGAIN, TERMINATED, is_finished
from mwgan.runs.resume import quoted
from mwgan.signals import BY_KEYBOARD, STOPS, TIME_IS_UP

OURS = ("experiment", "resume", "stages", "paths.run_dir", "launcher", "search", "objective", "hydra")  # of the whole, not of its stages
EARLIER = ("inpainters", "init")  # options of a stage that name one before it


def run_stages(cfg: DictConfig, options: Sequence[str]) -> Path:
    """Train every stage of ``cfg.stages`` that isn't finished yet; the folder that holds them all.

    A stage names its ``experiment``, what it takes from an earlier stage (``inpainters``, ``init``) and ``options`` of its
    own; ``options`` of the command line go to every stage. With ``cfg.resume`` the stages go on in that folder, each at
    the epoch where it stopped. Stages are processes of their own, so that a stage may use several devices. What the last
    one gives is left as ``weights.safetensors``.

    Raises
    ------
    InputError
        If a stage names another that does not come before it, or there is nothing to resume.
    """
    root = Path(cfg.paths.output_dir)
    if root.is_relative_to(Path.cwd()):
        root = root.relative_to(Path.cwd())  # what the stages record should not tell this machine's folders
    root = root if cfg.resume is None else Path(cfg.resume)
    begun = any((root / name).is_dir() for name in cfg.stages)
    if cfg.resume is not None and not begun:
        raise InputError(f"{root} holds none of the stages {', '.join(cfg.stages)}: give the folder of a run of this experiment")
    if cfg.resume is None and begun:
        raise InputError(f"{root} holds a run of these stages: go on with it (resume={root}) or give another folder (paths.run_dir=)")
    shared = [option for option in options if not option.lstrip("+~").startswith(OURS)]
    for option in shared:
        if option.startswith(EARLIER):
            raise InputError(f"{option} is for one stage: give it in stages.<stage>.options")
    done: list[str] = []
    for name, stage in plain(cfg.stages).items():
        folder = root / name
        if not is_finished(folder):
            print(f"stage {len(done) + 1} of {len(cfg.stages)}: {name}", flush=True)
            command = [sys.executable, "-m", "mwgan.cli.train", *_options(name, stage, folder, done), *_meant_for(stage, shared)]
            status = _run(command)
            if status:  # it has said why
                sys.exit(status if status > 0 else 128 - status)
            (folder / FINISHED).touch()  # as its own training has noted with more words
        done.append(name)
    record, state = read_weights(find_weights(root / done[-1]))
    save_weights(root / RUN_WEIGHTS, state, {**record, "stages": _told(root, done)})
    return root


def _run(command: list[str]) -> int:
    """A stage's process to its end, and how it ended; whatever stops this process stops that one, in its own time."""
    before = {number: signal.getsignal(number) for number in STOPS if number != signal.SIGINT}
    for number in TIME_IS_UP:  # a stage ignores SLURM's word, whoever else it reaches: it is told to end, by us
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen(command)
    told: list[int] = []

    def pass_on(number: int, frame: object) -> None:
        told.append(number)
        if number not in BY_KEYBOARD:  # those reach the stage too
            child.terminate()

    for number in before:
        signal.signal(number, pass_on)
    try:
        while True:
            try:
                status = child.wait()
                if set(told) & set(TIME_IS_UP):
                    return QUEUE_AGAIN
                return TERMINATED if told else status
            except KeyboardInterrupt:
                continue  # the stage was told as well, and may be writing its checkpoint
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _told(root: Path, done: list[str]) -> dict[str, Any]:
    """Command and commit of each stage, for the record of the finished model."""
    records = {name: read_weights(find_weights(root / name))[0] for name in done}
    return {name: {key: record[key] for key in ("command", "commit", "device")} for name, record in records.items()}


def _meant_for(stage: dict[str, Any], shared: list[str]) -> list[str]:
    """The options of the command line that a stage can take: only one that learns from an inpainter has examples to cache."""
    return [option for option in shared if "inpainters" in stage or not option.startswith("cache=")]


def _options(name: str, stage: dict[str, Any], folder: Path, done: list[str]) -> list[str]:
    """What a stage's own training is told."""
    options = [f"experiment={stage['experiment']}", f"paths.run_dir={quoted(folder)}", *stage.get("options", [])]
    for key in EARLIER:
        if key in stage:
            if stage[key] not in done:
                raise InputError(
                    f"stage {name} takes {key} from {stage[key]!r}, which is not a stage before it ({', '.join(done) or 'none'})"
                )
            options.append(f"{key}={quoted(folder.parent / stage[key])}")
    if has_checkpoint(folder):
        options.append(f"resume={quoted(folder)}")
    return options
