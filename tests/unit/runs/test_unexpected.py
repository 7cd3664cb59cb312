"""What nobody has foreseen ends in one sentence, and its traceback in a file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mwgan.runs.exit import run
from mwgan.runs.unexpected import SHOW


def test_the_traceback_goes_into_a_file(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def program():
        raise KeyError("nobody thought of this")

    with pytest.raises(SystemExit) as end:
        run(program)
    assert end.value.code == 1
    message = capsys.readouterr().err
    assert re.fullmatch(
        r"error: unexpected error in mwgan \(KeyError: .*\): the full traceback is in .*, please send it with a bug report\n", message
    )
    assert "raise KeyError" in next(Path(tmp_path).glob("mwgan-error-*.txt")).read_text()
    monkeypatch.setenv(SHOW, "1")
    with pytest.raises(SystemExit):
        run(program)
    assert "raise KeyError" in capsys.readouterr().err


def test_nobody_reading_ends_no_program():
    script = "import sys; from mwgan.runs.exit import print_anywhere; print_anywhere()\n"
    script += "for _ in range(20000): print('x' * 80)\nsys.stderr.write('done')"
    writer = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert writer.stdout.readline()
    writer.stdout.close()
    assert writer.stderr.read() == "done"
    assert writer.wait() == 0
