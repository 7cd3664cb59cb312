"""Training in several stages, one after the other: each is a separate training in a subfolder of the run."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from mwgan.configuration import plain
from mwgan.errors import InputError
from mwgan.files.checkpoints import has_checkpoint
from mwgan.files.weights import RUN_WEIGHTS, find_weights, read_weights, save_weights
from mwgan.runs.config_dir import config_flags
from mwgan.runs.folder import FINISHED, REQUEUE, TERMINATED, from_here, is_finished
from mwgan.runs.options import key_of, quoted, renamed, renamed_stage
from mwgan.signals import BY_KEYBOARD, STOPS, TIME_IS_UP

OURS = ("experiment", "resume", "stages", "paths.run_dir", "launcher", "search", "objective", "hydra")  # not passed to the stages


def run_stages(cfg: DictConfig, options: Sequence[str], config_dir: Path | None = None) -> Path:
    """Train every stage of ``cfg.stages`` that isn't finished yet; return the folder that contains them all.

    A stage has an ``experiment``; the earlier stage whose weights it starts from (``init``), or one for each part of its
    generator; ``options``; and the keys of command-line options that it alone ``takes``.
    The other command-line ``options`` go to every stage, and so does the user's configuration folder ``config_dir``.
    With ``cfg.resume`` the stages are resumed in that folder, each at the epoch where it stopped. Stages are separate
    processes, so that a stage may use several devices. The last one's result is saved as ``weights.safetensors``.

    Raises
    ------
    InputError
        If a stage names another that does not come before it, or there is nothing to resume.
    """
    root = from_here(Path(cfg.paths.output_dir)) if cfg.resume is None else Path(cfg.resume)
    started = any((root / name).is_dir() for name in cfg.stages)
    if cfg.resume is not None and not started:
        raise InputError(f"{root} has none of the stages {', '.join(cfg.stages)}: give the folder of a run of this experiment")
    if cfg.resume is None and started:
        raise InputError(f"{root} holds a run of these stages: resume it (resume={root}) or give another folder (paths.run_dir=)")
    shared = [option for option in renamed(options) if not key_of(option).startswith(OURS)]
    for option in shared:
        if key_of(option) == "init":
            raise InputError(f"{option} is for one stage: give it in stages.<stage>.options")
    stages = {name: renamed_stage(stage) for name, stage in plain(cfg.stages).items()}
    taken = {key for stage in stages.values() for key in stage.get("takes", ())}
    done: list[str] = []
    for name, stage in stages.items():
        folder = root / name
        if not is_finished(folder):
            print(f"stage {len(done) + 1} of {len(cfg.stages)}: {name}", flush=True)
            theirs = [option for option in shared if key_of(option) not in taken or key_of(option) in stage.get("takes", ())]
            program = [sys.executable, "-m", "mwgan.cli.train", *config_flags(config_dir)]
            status = _run([*program, *_options(name, stage, folder, done), *theirs])
            if status:  # it has printed the reason
                sys.exit(status if status > 0 else 128 - status)
            (folder / FINISHED).touch()  # its own training has written a fuller record
        done.append(name)
    record, state = read_weights(find_weights(root / done[-1]))
    save_weights(root / RUN_WEIGHTS, state, replace(record, stages=_stage_records(root, done)))
    return root


def _run(command: list[str]) -> int:
    """Run a stage's process and return its exit status; signals that stop this process are passed on to it."""
    before = {number: signal.getsignal(number) for number in STOPS if number != signal.SIGINT}
    for number in TIME_IS_UP:  # a stage ignores SLURM's signal, even if it gets it: we pass on SIGTERM
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen(command)
    received: list[int] = []

    def pass_on(number: int, frame: object) -> None:
        received.append(number)
        if number not in BY_KEYBOARD:  # those reach the stage anyway
            child.terminate()

    for number in before:
        signal.signal(number, pass_on)
    try:
        while True:
            try:
                status = child.wait()
                if set(received) & set(TIME_IS_UP):
                    return REQUEUE
                return TERMINATED if received else status
            except KeyboardInterrupt:
                continue  # the stage received the signal as well, and may be writing its checkpoint
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stage_records(root: Path, done: list[str]) -> dict[str, Any]:
    """Command and commit of each stage, for the record of the final model."""
    records = {name: read_weights(find_weights(root / name))[0] for name in done}
    return {name: {"command": record.command, "commit": record.commit, "device": record.device} for name, record in records.items()}


def _options(name: str, stage: dict[str, Any], folder: Path, done: list[str]) -> list[str]:
    """The options of a stage's training."""
    options = [f"experiment={stage['experiment']}", f"paths.run_dir={quoted(folder)}", *stage.get("options", [])]
    init = stage.get("init")
    for earlier in init.values() if isinstance(init, dict) else [init]:
        if earlier is not None and earlier not in done:
            raise InputError(f"stage {name} takes init from {earlier!r}, which is not a stage before it ({', '.join(done) or 'none'})")
    if isinstance(init, dict):
        parts = ",".join(f"{part}:{quoted(folder.parent / earlier)}" for part, earlier in init.items())
        options.append(f"init={{{parts}}}")
    elif init is not None:
        options.append(f"init={quoted(folder.parent / init)}")
    if has_checkpoint(folder):
        options.append(f"resume={quoted(folder)}")
    return options
