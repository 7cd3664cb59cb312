"""Programs in processes of their own that needn't load torch again: forked from a server that has loaded it once."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from types import GenericAlias
from typing import Any, TextIO

AVAILABLE = "forkserver" in multiprocessing.get_all_start_methods()  # not on Windows
MWGAN, TRAIN = "mwgan.cli.main", "mwgan.cli.train"
LOADED = [MWGAN, "mwgan.recon", "mwgan.series.reconstruct", "mwgan.series.align", "mwgan.quantify"]
LOADED += [TRAIN, "pytorch_lightning", "mwgan.runs.training", "mwgan.training", "mwgan.callbacks", "mwgan.data"]


class Forked:
    """``python -m mwgan.cli.main ...`` in an environment: what :class:`subprocess.Popen` is of it, printing to one pipe."""

    __class_getitem__ = classmethod(GenericAlias)

    def __init__(self, command: Sequence[str], env: Mapping[str, str], **_: Any) -> None:
        message, tell = _context().Pipe(duplex=False)
        arguments = command[command.index(MWGAN) + 1 :]
        self._process = _context().Process(target=_into_pipe, args=(MWGAN, list(arguments), dict(env), tell))
        self._process.start()
        tell.close()
        self.stdout: TextIO = os.fdopen(os.dup(message.fileno()), encoding="utf-8", errors="replace")

    def wait(self) -> int:
        """The exit code, once it has ended."""
        self._process.join()
        self.stdout.close()
        return int(self._process.exitcode or 0)

    def terminate(self) -> None:
        """As a signal from outside."""
        self._process.terminate()


def run(module: str, arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> CompletedProcess[str]:
    """``python -m module ...`` in a folder, to its end: what :func:`subprocess.run` gives of it."""
    with tempfile.TemporaryDirectory() as place:
        files = [Path(place) / name for name in ("stdout", "stderr")]
        process = _context().Process(target=_into_files, args=(module, list(arguments), dict(env), folder, files))
        process.start()
        process.join()
        message = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    return CompletedProcess([module, *arguments], int(process.exitcode or 0), *message)


class Running:
    """A program that is running in a session of its own: what :class:`subprocess.Popen` is of it."""

    def __init__(self, module: str, arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> None:
        self._place = tempfile.TemporaryDirectory()
        self._files = [Path(self._place.name) / name for name in ("stdout", "stderr")]
        self._process = _context().Process(target=_in_session, args=(module, list(arguments), dict(env), folder, self._files))
        self._process.start()
        self.pid = int(self._process.pid)

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self.poll()

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        code: int | None = self._process.exitcode
        return code

    def send_signal(self, number: int) -> None:
        """As from outside."""
        os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it printed, once it has ended."""
        self._process.join(timeout)
        if self._process.is_alive():
            self._process.kill()
            raise TimeoutExpired([*self._files], float(timeout or 0))
        stdout, stderr = (file.read_text(encoding="utf-8", errors="replace") for file in self._files)
        return stdout, stderr


def _in_session(module: str, arguments: list[str], env: dict[str, str], folder: Path, files: list[Path]) -> None:
    os.setsid()
    _into_files(module, arguments, env, folder, files)


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


def _into_pipe(module: str, arguments: list[str], env: dict[str, str], tell: Connection) -> None:
    for stream in (1, 2):
        os.dup2(tell.fileno(), stream)
    tell.close()
    _called(module, arguments, env)


def _into_files(module: str, arguments: list[str], env: dict[str, str], folder: Path, files: list[Path]) -> None:
    for stream, file in zip((1, 2), files, strict=True):
        with file.open("wb") as opened:
            os.dup2(opened.fileno(), stream)
    os.chdir(folder)
    _called(module, arguments, env)


def _called(module: str, arguments: list[str], env: dict[str, str]) -> None:
    """The program, as a process of its own would find its surroundings."""
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", encoding="utf-8", buffering=1, closefd=False) for stream in (1, 2))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell in the background may have told all of us to ignore
    os.environ.clear()
    os.environ.update(env)
    main = importlib.import_module(module).main
    sys.argv = [str(sys.modules[module].__file__), *arguments]
    main()
