"""Programs in processes of their own that needn't load torch again: forked from a server that has loaded it once."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from types import GenericAlias
from typing import Any, TextIO

AVAILABLE = "forkserver" in multiprocessing.get_all_start_methods()  # not on Windows
LOADED = ["mwgan.cli.main", "mwgan.recon", "mwgan.series.reconstruct", "mwgan.series.align", "mwgan.quantify", "mwgan.figures.parts.page"]


class Forked:
    """``python -m mwgan.cli.main ...`` in an environment: what :class:`subprocess.Popen` is of it, printing to one pipe."""

    __class_getitem__ = classmethod(GenericAlias)

    def __init__(self, command: Sequence[str], env: Mapping[str, str], **_: Any) -> None:
        arguments = command[command.index("mwgan.cli.main") + 1 :]
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LOADED)
        told, tell = context.Pipe(duplex=False)
        self._process = context.Process(target=_called, args=(list(arguments), dict(env), tell))
        self._process.start()
        tell.close()
        self.stdout: TextIO = os.fdopen(os.dup(told.fileno()), encoding="utf-8", errors="replace")

    def wait(self) -> int:
        """The exit code, once it has ended."""
        self._process.join()
        self.stdout.close()
        return int(self._process.exitcode or 0)

    def terminate(self) -> None:
        """As a signal from outside."""
        self._process.terminate()


def _called(arguments: Sequence[str], environment: Mapping[str, str], tell: Connection) -> None:
    from mwgan.cli.main import main

    for stream in (1, 2):
        os.dup2(tell.fileno(), stream)
    tell.close()
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", encoding="utf-8", buffering=1, closefd=False) for stream in (1, 2))
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["mwgan", *arguments]
    main()
