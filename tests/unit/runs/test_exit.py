"""How programs end: the user's mistakes in one sentence, the program's own with a traceback."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import warnings

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf

from mwgan.callbacks.stop_signals import StopSignals
from mwgan.configuration import build
from mwgan.errors import InputError
from mwgan.files.atomic import atomic_write
from mwgan.files.interruption import ended_by_signals
from mwgan.paths import conf_dir
from mwgan.runs import exit


@pytest.fixture(autouse=True)
def hydra_environment(monkeypatch):
    """``exit.run`` sets this for the process; take it back after each test."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)


def fail_with(error: BaseException):
    def program() -> None:
        raise error

    return program


def test_an_input_error_ends_a_program_with_one_line_and_code_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        exit.run(fail_with(InputError("the wedge\n   is too wide")))
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: the wedge is too wide\n"


def test_a_full_disk_ends_a_program_with_one_line_and_code_2(capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        exit.run(fail_with(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "results.csv"))))
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: no space is left for {tmp_path}/results.csv (")
    assert message.endswith("free some there, then give the command again\n")
    with pytest.raises(SystemExit) as stopped:
        exit.run(fail_with(PermissionError(errno.EACCES, "not yours")))
    assert stopped.value.code == 1  # nothing tells what is not


def test_a_warning_of_ours_is_a_sentence():
    exit.run(lambda: None)
    assert warnings.formatwarning("mind the gap", UserWarning, exit.__file__, 1) == "warning: mind the gap\n"
    assert "UserWarning: mind the gap" in warnings.formatwarning("mind the gap", UserWarning, __file__, 1)


def test_a_character_that_a_terminal_lacks_is_a_question_mark(monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", object())  # what a notebook or a test puts there is left alone
    exit.print_anywhere()
    print("± 60°", end="", flush=True)
    assert terminal.buffer.getvalue() == b"? 60?"


def test_an_error_of_the_program_itself_is_told_as_such(capsys):
    with pytest.raises(SystemExit) as stopped:
        exit.run(fail_with(ZeroDivisionError("a bug")))
    assert stopped.value.code == 1
    assert "unexpected error in mwgan (ZeroDivisionError: a bug)" in capsys.readouterr().err


def test_an_interrupted_program_ends_with_130(capsys, monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    for said in ("interrupted: finished results are kept\n", ""):
        with pytest.raises(SystemExit) as stopped:
            exit.run(fail_with(KeyboardInterrupt()))
        assert stopped.value.code == 130
        assert capsys.readouterr().err == said
        monkeypatch.setenv("LOCAL_RANK", "1")  # the next process says nothing: the first one has


def test_a_program_that_succeeds_goes_on():
    assert exit.run(lambda: None) is None


def test_a_task_of_hydras_ends_before_hydra_tells_of_it(capsys):
    @exit.in_one_sentence
    def task(cfg):
        """Its words."""
        if cfg is None:
            raise InputError("no configuration")
        return cfg

    assert task(3) == 3
    assert task.__doc__ == "Its words."
    with pytest.raises(SystemExit) as stopped:
        task(None)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: no configuration\n"


def composing(name, *overrides):
    def program() -> None:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            compose(name, overrides=list(overrides))

    return program


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (composing("train", "wegde=3"), "the configuration has no key 'wegde': check its spelling, --cfg job shows every key there is"),
        (composing("train", "model=irmd"), "there is no configuration 'model/irmd'; there are atoms, atoms_gan, ding2019_deartifact,"),
        (composing("train", "debug=smokes"), "there is no configuration 'debug/smokes'; there are smoke"),
        (lambda: OmegaConf.create({"half": "${whole}"}).half, "Interpolation key 'whole' not found"),
        (fail_with(HydraException("first line\nsecond line")), "first line"),
        (lambda: build({"_target_": "mwgan.geometry.TiltGeometry", "tilts": 3}), "Error in call to target 'mwgan.geometry.TiltGeometry'"),
    ],
)
def test_what_hydra_complains_of_is_one_sentence(program, sentence, capsys):
    with pytest.raises(SystemExit) as stopped:
        exit.run(program)
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {sentence}")
    assert message.count("\n") == 1
    assert os.environ["HYDRA_FULL_ERROR"] == "1"  # or Hydra would have ended it with words of its own


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_program_that_is_told_to_end_says_so_and_leaves_nothing_half_written(number, tmp_path, capsys):
    signal.signal(getattr(signal, number), signal.SIG_DFL)  # whatever these tests were started under, nohup say

    def program():
        with atomic_write(tmp_path / "table.csv") as partial:
            partial.write_text("half")
            signal.raise_signal(getattr(signal, number))

    with pytest.raises(SystemExit) as end:
        exit.run(program)
    assert end.value.code == 128 + getattr(signal, number)
    assert capsys.readouterr().err == f"ended by {number}: finished results are kept\n"
    assert list(tmp_path.iterdir()) == []


def test_a_training_takes_no_programs_answer_to_signals_for_somebody_elses():
    signals = StopSignals()
    with ended_by_signals():
        signals.remember()
    assert not signals.passed_on(signal.SIGTERM)
