"""Whether a disk is full, and how that is told."""

from __future__ import annotations

import errno

import pytest

from mwgan.files.space import disk_full, no_space_in


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_seen_behind_what_was_made_of_it(number):
    behind = RuntimeError("torch could not write")
    behind.__cause__ = OSError(number, "full")
    assert disk_full(behind)
    behind.__cause__, behind.__context__ = None, OSError(number, "full")
    assert disk_full(behind)
    assert not disk_full(PermissionError(errno.EACCES, "not yours"))
    assert not disk_full(RuntimeError("a bug"))


def test_what_is_full_is_named_although_it_was_never_made(tmp_path):
    assert no_space_in(tmp_path / "no" / "where.csv").startswith(f"no space is left for {tmp_path}/no/where.csv (")
