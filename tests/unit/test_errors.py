from __future__ import annotations

import errno
import warnings

import pytest

from mwgan.errors import InputError, MissingExtraError
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


def test_input_errors_are_value_errors_that_a_caller_may_catch():
    assert issubclass(InputError, ValueError)
    assert issubclass(MissingExtraError, InputError)


def test_a_missing_extra_names_feature_package_and_remedy():
    message = str(MissingExtraError("the ASTRA projector", "astra-toolbox", "pip install 'mwgan[astra]'"))
    assert message == "the ASTRA projector needs the package astra-toolbox, which is not installed: pip install 'mwgan[astra]'"


def test_an_input_error_ends_a_program_with_one_line_and_code_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        exit.run(fail_with(InputError("the wedge\n   is too wide")))
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: the wedge is too wide\n"


def test_a_full_disk_ends_a_program_with_one_line_and_code_2(capsys, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        exit.run(fail_with(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "results.csv"))))
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: no space is left for {tmp_path}/results.csv (")
    assert told.endswith("free some there, then give the command again\n")
    with pytest.raises(PermissionError):
        exit.run(fail_with(PermissionError(errno.EACCES, "not yours")))


def test_a_warning_of_ours_is_a_sentence():
    exit.run(lambda: None)
    assert warnings.formatwarning("mind the gap", UserWarning, exit.__file__, 1) == "warning: mind the gap\n"
    assert "UserWarning: mind the gap" in warnings.formatwarning("mind the gap", UserWarning, __file__, 1)


def test_an_error_of_the_program_itself_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        exit.run(fail_with(ZeroDivisionError("a bug")))


def test_an_interrupted_program_ends_with_130(capsys):
    with pytest.raises(SystemExit) as stopped:
        exit.run(fail_with(KeyboardInterrupt()))
    assert stopped.value.code == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_program_that_succeeds_goes_on():
    assert exit.run(lambda: None) is None
