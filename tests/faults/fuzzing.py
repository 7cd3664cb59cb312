"""Programs given files that nobody wrote on purpose: run in this process, timed, and watched for what they start."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from programs import MODULES, Ended, is_one_sentence, leftovers, note

LONGEST_S = 10
WAITING = 6  # times as long may pass
SEED = 15
FEW = 12  # cases of a test in make test
EXECUTED = ("os.system", "os.exec", "os.posix_spawn", "os.startfile", "pickle.find_class", "code.__new__", "webbrowser.open")
MARK = "executed-by-a-file"

_executed: list[str] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what could have come out of a file; git, which tells a run's commit, is ours."""
    if event in EXECUTED or (event == "subprocess.Popen" and Path(os.fsdecode(arguments[0] or "")).name != "git"):
        _executed.append(f"{event}{arguments!r}"[:300])


sys.addaudithook(_watch)  # for good, which Python wants so; it only notes


class TooLongError(BaseException):
    """A program had no end; nothing that catches exceptions may catch this one."""


@contextlib.contextmanager
def _limited(computing_s: float) -> Iterator[None]:
    """Time that is computed counts, since others may keep this machine busy; and what waits for nothing has no end either."""

    def stop(number: int, frame: object) -> None:
        raise TooLongError(f"no end within {computing_s} s")

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, computing_s), signal.SIGALRM: (signal.ITIMER_REAL, WAITING * computing_s)}
    before = {number: signal.signal(number, stop) for number in timers}
    for timer, seconds in timers.values():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def answered(command: tuple[str, ...], folder: Path, limit_s: float = LONGEST_S) -> Ended:
    """How a program ends that is run in ``folder``: whatever it raises but its own exit is raised here too."""
    name, *arguments = command
    message, before = io.StringIO(), (sys.argv, Path.cwd())
    code: Any = 0
    sys.argv = [name, *arguments]
    os.chdir(folder)
    try:
        with _limited(limit_s), contextlib.redirect_stderr(message), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import_module(MODULES[name]).main()
    except SystemExit as end:
        code = end.code or 0
    except TooLongError as error:
        raise AssertionError(f"{command}: {error}") from error  # a test that fails, not the end of all tests
    finally:
        sys.argv = before[0]
        os.chdir(before[1])
    return Ended(code, message.getvalue())


def check_answer(what: str, command: tuple[str, ...], folder: Path) -> Ended:
    """Fail unless a program answers or refuses in one sentence, in time, and neither starts nor leaves anything."""
    _executed.clear()
    end = answered(command, folder)
    left = leftovers(folder)
    note(fault=f"fuzzed {what}", program=" ".join(command[:2]), exit=end.code, traceback=end.traceback, leftovers=len(left))
    assert end.code in (0, 2), end
    assert not end.traceback, end
    assert end.code == 0 or is_one_sentence(end.message), end
    assert left == []
    assert _executed == []
    assert not any(MARK in path.name for path in folder.rglob("*"))
    return end


def fuzzed(strategy: st.SearchStrategy[Any], many: int, few: int = FEW) -> Callable[[Callable[..., None]], Any]:
    """Decorate ``check(folder, case)``: a test of few cases of ``strategy``, and among the faults one of many, the same each time."""

    def decorate(check: Callable[..., None]) -> Any:
        @pytest.mark.parametrize("cases", [few, pytest.param(many, marks=pytest.mark.faults)])
        def test(cases: int, tmp_path: Path) -> None:
            count = 0

            @seed(SEED)
            @settings(
                max_examples=cases,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            )
            @given(case=strategy)
            def run(case: Any) -> None:
                nonlocal count
                folder = tmp_path / str(count)
                folder.mkdir()
                count += 1
                check(folder, case)

            run()
            assert count >= cases

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return decorate


# What stands where a number, a name or a list belongs.
NUMBERS = st.sampled_from(
    [0, -1, 1, 2, 7, 255, 2**15, 2**31 - 1, -(2**31), 2**63, 10**400, 0.5, -0.0, 1e-300, 1e300, *map(float, ("nan", "inf"))]
)
TARGETS = st.sampled_from(
    [
        *("os.system", "builtins.exec", "builtins.eval", "subprocess.check_call", "torch.load", "posix.system", "shutil.rmtree"),
        *("mwgan.files.atomic.Path.touch", "mwgan.runs.stages.subprocess.run", "torch.optim.Adam", "torch.hub.load", "runpy.run_path"),
        *("mwgan.networks", "mwgan.networks.UNet", "mwgan.recon.RestoreWBP", "pytorch_lightning.Trainer", "hydra.utils.instantiate"),
        *("mwgan.parts.build_chosen", "a.b", "mwgan", ".", "", "mwgan..x", "pickle.loads", "pytorch_lightning.trainer.trainer.os.system"),
    ]
)
NODES = st.builds(lambda target: {"_target_": target, "_args_": [f"touch {MARK}"]}, TARGETS)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["", "\0", "/", "..", "${seed}", "${oc.env:HOME}", "${", "x" * 300, "\U0001f600", "=", "-m", "'"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | NODES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)


@st.composite
def changed(draw: Any, plain: Any) -> Any:
    """Plain values of JSON of which one, at any depth, is another, missing, or one too many."""
    if isinstance(plain, (dict, list)) and plain and draw(st.integers(0, 9)) < 9:
        keys = list(plain) if isinstance(plain, dict) else list(range(len(plain)))
        key, how = draw(st.sampled_from(keys)), draw(st.integers(0, 9))
        copy = dict(plain) if isinstance(plain, dict) else list(plain)
        if how == 0:
            copy.pop(key)
        elif how == 1 and isinstance(copy, dict):
            copy[draw(TEXTS)] = draw(VALUES)
        else:
            copy[key] = draw(changed(plain[key]))
        return copy
    return draw(VALUES)


DAMAGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), max_size=3)
ENDS = st.sampled_from([1.0, 1.0, 1.0, 0.9, 0.5, 0.1, 0.0])


def damaged(content: bytes, damages: list[tuple[float, bytes]], end: float) -> bytes:
    """Content with bytes written over at shares of its length, and cut at one."""
    written = bytearray(content)
    for share, piece in damages:
        place = int(share * len(written))
        written[place : place + len(piece)] = piece
    return bytes(written[: round(end * len(written))])
