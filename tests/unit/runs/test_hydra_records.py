"""What Hydra writes down of runs and sweeps, read again."""

from __future__ import annotations

import pytest

from mwgan.errors import InputError
from mwgan.runs.hydra_records import OVERRIDES, SETTINGS, SWEEP, read_yaml


def test_a_record_keeps_its_interpolations(tmp_path):
    (tmp_path / "x.yaml").write_text("size: 3\nhalf: ${size}\n", encoding="utf-8")
    assert read_yaml(tmp_path / "x.yaml") == {"size": 3, "half": "${size}"}
    (tmp_path / "x.yaml").write_text("- seed=1\n- '+x=2'\n", encoding="utf-8")
    assert read_yaml(tmp_path / "x.yaml") == ["seed=1", "+x=2"]


@pytest.mark.parametrize(
    ("record", "remedy"),
    [
        (SWEEP, "move it away and give the sweep's options again, with -m"),
        (OVERRIDES.name, "give experiment= and the options of the run with resume="),
        (SETTINGS.name, "give experiment= and the options of the run with resume="),
    ],
)
@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", None], ids=["cut short", "no text", "not there"])
def test_a_record_that_cannot_be_read_is_named_with_the_remedy(content, record, remedy, tmp_path):
    if content is not None:
        (tmp_path / record).write_bytes(content)
    with pytest.raises(InputError, match=rf"{record} can't be read: {remedy}"):
        read_yaml(tmp_path / record)
