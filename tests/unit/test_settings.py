from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from mwgan.errors import InputError
from mwgan.methods import MethodEntry, known_methods
from mwgan.recon.described import describe_needs, format_value
from mwgan.recon.settings import check_settings, parse_settings, settings_by_method, settings_of


class Takes:
    """Everything.

    Parameters
    ----------
    number : float
        A number. It is not an integer.
    first, second
        Both of :class:`~mwgan.recon.TVM`,
        over two lines.

    Notes
    -----
    whatever
        is not a parameter.
    """

    def __init__(
        self,
        number: float = 1.0,
        first: tuple[float, float] = (1.0, 2.0),
        second: Sequence[int] | None = None,
        word: Literal["a", "b"] = "a",
        switch: bool = False,
        table: Mapping[str, float] | None = None,
        file: Path | None = None,
        call: Callable[[], None] | None = None,
        anything: Any = None,
        untold=3,
    ) -> None:
        pass


class Heir(Takes):
    """Has its parameters from another class."""


def entry(target: type, **keys) -> MethodEntry:
    return MethodEntry("it", Path("it.yaml"), "It", {"_target_": f"{__name__}.{target.__name__}"}, **keys)


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


@pytest.mark.parametrize("kind", [Takes, Heir])
def test_the_first_sentence_on_each_parameter_is_told(kind):
    message = {name: setting.description for name, setting in settings_of(entry(kind)).items()}
    assert message["number"] == "A number."
    assert message["first"] == message["second"] == "Both of TVM, over two lines."
    assert (message["untold"], "whatever" in message) == ("", False)


def test_defaults_are_those_of_the_file_then_of_the_constructor():
    settings = settings_of(known_methods()["tvm"])
    assert (settings["weight"].default, settings["iterations"].default, settings["convergence"].default) == (0.025, 300, 5e-4)
    assert settings["weight"].kind == "float | None"
    assert settings_of(known_methods()["lpd"]) == settings_of(known_methods()["irdm_d1"]) == {}


@pytest.mark.parametrize(
    ("key", "fitting", "others"),
    [
        ("number", [1, 0.5], ["1", True, None, [1.0]]),
        ("first", [[1, 2], (0.5, 2.0)], [[1], [1, 2, 3], ["a", 2], 1]),
        ("second", [None, [], [1, 2, 3]], [[1.5], "12", 3]),
        ("word", ["a"], ["c", 1]),
        ("switch", [True], [1, "true"]),
        ("table", [None, {"a": 1.0}], ["a", [1]]),
        ("file", ["x.csv", Path("x.csv")], [3]),
        ("call", [None, print, {"_target_": "builtins.print"}], ["print", {"a": 1}, 3]),
        ("anything", [None, "x", [1]], []),
        ("untold", [None, "x", [1]], []),
    ],
)
def test_values_fit_the_annotation_or_are_refused(key, fitting, others):
    for value in fitting:
        check_settings(entry(Takes), {key: value})
    for value in others:
        with pytest.raises(InputError, match=f"{key} of it must be "):
            check_settings(entry(Takes), {key: value})


def test_settings_are_parsed():
    assert parse_settings(["weight=0.05", "direction_weights=[0.7, 1.4]", "name=a=b"]) == {
        "weight": 0.05,
        "direction_weights": [0.7, 1.4],
        "name": "a=b",
    }
    for texts, message in ((["weight"], "KEY=VALUE"), (["=3"], "KEY=VALUE"), (["a=1", "a=2"], "a is set twice")):
        with pytest.raises(InputError, match=message):
            parse_settings(texts)


def test_settings_go_to_the_method_they_name_or_to_all_that_have_them():
    entries = {name: known_methods()[name] for name in ("wbp", "sart", "tvm", "lpd")} | {"mine": None}
    values = {"tvm.iterations": 7, "iterations": 5, "cutoff": 0.5}
    assert settings_by_method(values, entries) == {
        "wbp": {"cutoff": 0.5},
        "sart": {"iterations": 5},
        "tvm": {"iterations": 7},
        "lpd": {},
        "mine": {},
    }
    assert settings_by_method(dict(reversed(values.items())), entries)["tvm"] == {"iterations": 7}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("speed", "none of wbp, mine has a setting 'speed'"),
        ("wbp.speed", "wbp has no setting 'speed': it has filter, cutoff"),
        ("tvm.weight", "none of wbp, mine has a setting 'tvm.weight'"),
        ("mine.weight", "mine is a trained network and has no setting 'weight'"),
        ("cutoff", "cutoff of wbp must be float"),
    ],
)
def test_settings_of_no_method_are_refused(key, message):
    with pytest.raises(InputError, match=message):
        settings_by_method({key: "high"}, {"wbp": known_methods()["wbp"], "mine": None})


def test_what_a_method_needs_is_told(monkeypatch):
    known = known_methods()
    assert describe_needs(known["wbp"]) == "filter=ramp, cutoff=1.0"
    assert describe_needs(known["tvm_directional"]) == "direction_weights=[0.7, 1.4], after tvm"
    assert describe_needs(known["lpd"]) == "shipped weights"
    assert "run folder" in describe_needs(known["irdm_d1"])
    assert "no_such_package.Box can't be imported" in describe_needs(MethodEntry("b", Path("b"), "B", {"_target_": "no_such_package.Box"}))
    monkeypatch.setitem(sys.modules, "tomopy", None)
    assert describe_needs(known["tomopy_sirt"]) == "iterations=100, needs tomopy, not installed"


def test_values_are_told_as_they_are_set():
    message = [format_value(value) for value in (None, True, 0.5, "hann", (0.7, None), {"a": [1]}, print)]
    assert message == ["null", "true", "0.5", "hann", "[0.7, null]", "{a: [1]}", "print"]
