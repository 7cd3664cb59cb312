"""``mwgan`` called in this process: a new one for each call would spend most of its time loading torch."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

import pytest

from mwgan.cli.main import main


class Done(NamedTuple):
    """What a process would leave behind."""

    returncode: int
    stdout: str
    stderr: str


def mwgan(*arguments: object) -> Done:
    """The program with these arguments; what a call sets for its whole process is put back."""
    message, warned = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(message), redirect_stderr(warned):
        patch.setenv("OMP_WAIT_POLICY", os.environ.get("OMP_WAIT_POLICY", "passive"))  # main sets it where it isn't set
        patch.setattr(sys, "argv", ["mwgan", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
    return Done(int(end.value.code or 0), message.getvalue(), warned.getvalue())
