"""Runs the steps of one series; finished ones are not repeated."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mwgan.files.atomic import AtomicFiles
from mwgan.files.json_files import read_object
from mwgan.files.locks import hold
from mwgan.provenance import commit, version
from mwgan.recipes.steps import Step

STATE, LOG = "steps.json", "log.txt"
MWGAN = (sys.executable, "-m", "mwgan.cli.main")


@dataclass(frozen=True)
class Outcome:
    """The result of a series: the failed step, or None, and the reason."""

    failed: str | None = None
    reason: str = ""


class Processes:
    """The running processes, which can be stopped from other threads: each cleans up, and keeps what it can resume from."""

    def __init__(self) -> None:
        self._lock, self._running, self._stopped = threading.Lock(), set[subprocess.Popen[str]](), False

    def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start a process that prints to a pipe; after :meth:`stop` it is stopped at once."""
        with self._lock:
            process = subprocess.Popen(
                arguments,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                encoding="utf-8",
                errors="replace",
                env=environment,
            )
            self._running.add(process)
            if self._stopped:
                process.terminate()
        return process

    def ended(self, process: subprocess.Popen[str]) -> None:
        """Forget a process that has ended."""
        with self._lock:
            self._running.discard(process)

    def stop(self) -> None:
        """Stop all of them, and any that are started later."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()


def run_series(
    name: str, steps: Sequence[Step], folder: Path, say: Callable[[str], None], processes: Processes, threads: int | None = None
) -> Outcome:
    """Run the steps of a series, each in its own process, with their output in ``log.txt``.

    A step counts as finished if its command, this program, its inputs and its outputs are unchanged.

    Parameters
    ----------
    name
        Name of the series.
    steps
        Its steps, in order.
    folder
        Folder for its files; created if missing.
    say
        Called with a sentence as each step starts or is skipped.
    processes
        The registry of running processes.
    threads
        Threads per step; None: all.

    Raises
    ------
    InputError
        If another process is working on this series.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with hold(folder / ".lock", f"another mwgan run is working in {folder}: wait for it, or stop it first"):
        state = _state(folder)
        for step in steps:
            if step.output.exists() and state.get(step.name) == _stamp(step):
                say(f"{name}: {step.name} is already finished")
                continue
            say(f"{name}: mwgan {shlex.join(step.arguments)}")
            code, last = _run(step, folder / LOG, processes, threads)
            if code:
                return Outcome(step.name, last.removeprefix("error: ") or f"it ended with code {code}")
            state[step.name] = _stamp(step)
            _keep(folder, state)
    return Outcome()


def _run(step: Step, log: Path, processes: Processes, threads: int | None) -> tuple[int, str]:
    """The step's exit code and the last line that it printed."""
    environment = dict(os.environ)
    if threads is not None:
        environment |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
    last = ""
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ mwgan {shlex.join(step.arguments)}\n")
        file.flush()
        process = processes.start([*MWGAN, *step.arguments], environment)
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            last = line.strip() or last
        code = process.wait()
        processes.ended(process)
        return code, last


def _stamp(step: Step) -> dict[str, Any]:
    files = {str(file): [file.stat().st_size, file.stat().st_mtime_ns] for file in (*step.inputs, step.output) if file.exists()}
    return {"command": list(step.arguments), "files": files, "program": [commit(), version("torch")]}


def _state(folder: Path) -> dict[str, Any]:
    try:
        return read_object(folder / STATE)
    except (OSError, ValueError):
        return {}


def _keep(folder: Path, state: Mapping[str, Any]) -> None:
    with AtomicFiles() as files:
        files.add(folder / STATE).write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
