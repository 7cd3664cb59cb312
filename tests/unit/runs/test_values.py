"""Numbers of a configuration that is invalid."""

from __future__ import annotations

import pytest

from mwgan.errors import InputError
from mwgan.runs.values import check_lists, check_values


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("size", 7, "a whole number of 8 or more"),
        ("size", "big", "a whole number"),
        ("size", 64.0, "a whole number"),
        ("batch_size", True, "a whole number of 1 or more"),
        ("workers", -1, "a whole number of 0 or more"),
        ("prefetch", None, "a whole number"),
    ],
)
def test_a_value_is_named_with_what_it_should_be(name, value, message):
    with pytest.raises(InputError, match=rf"data\.{name}={value} is invalid: give {message}"):
        check_values({"data": {name: value}})


def test_what_is_absent_null_or_right_passes():
    check_values({})
    check_values({"threads": None, "seed": 0, "data": {"size": 64}, "trainer": {"limit_train_batches": 0.5}, "wedge": "of_data"})


def test_lists_are_lists():
    check_lists({"wedges_deg": [40, 60.5], "methods": {"wbp": {}, "tvm": {"tune": {"weight": [0.1]}}, "gone": None}})
    for wrong, message in (
        ({"wedges_deg": "wide"}, "list of degrees"),
        ({"wedges_deg": ["wide"]}, "list of degrees"),
        ({"wedges_deg": [40], "checkpoints": "run"}, "names and runs"),
        ({"wedges_deg": [40], "data_consistency": []}, "list of weights"),
        ({"wedges_deg": [40], "methods": {"tvm": {"tune": {"weight": 3}}}}, r"methods\.tvm\.tune\.weight=3"),
    ):
        with pytest.raises(InputError, match=message):
            check_lists(wrong)
