"""One process at a time: what is held, by whom, and when it is free again."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from mwgan.errors import InputError
from mwgan.files.locks import hold

HOLDS = r"""
import os, sys, time
from pathlib import Path
from mwgan.files.locks import hold
with hold(Path(sys.argv[1]), ""):
    os.write(1, b"held\n")
    time.sleep(60)
"""


def is_held(lock: Path) -> bool:
    try:
        with hold(lock, "it is held"):
            return False
    except InputError:
        return True


def test_a_lock_is_held_by_one_and_free_when_that_one_is_done(tmp_path):
    lock = tmp_path / "lock"
    with hold(lock, "never said"):
        assert is_held(lock)
        assert not is_held(tmp_path / "other")
        with pytest.raises(InputError, match="in these words"), hold(lock, "in these words"):
            pass
    assert not is_held(lock)
    with pytest.raises(ZeroDivisionError), hold(lock, "never said"):
        _ = 1 / 0
    assert not is_held(lock)


def test_a_process_that_is_killed_lets_go(tmp_path):
    lock = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(lock)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_held(lock)
        holder.kill()
    assert not is_held(lock)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system knows no fork")
def test_a_forked_worker_that_outlives_its_killed_parent_holds_nothing(tmp_path):
    lock, forks = tmp_path / "lock", HOLDS.replace(r'b"held\n"', r'b"held\n" if os.fork() else b"0\n"')
    with subprocess.Popen([sys.executable, "-c", forks, str(lock)], stdout=subprocess.PIPE, text=True, start_new_session=True) as holder:
        assert holder.stdout is not None
        assert {holder.stdout.readline(), holder.stdout.readline()} == {"held\n", "0\n"}
        assert is_held(lock)
        holder.kill()
        holder.wait()
        given_up_at = time.monotonic() + 10
        while is_held(lock) and time.monotonic() < given_up_at:
            time.sleep(0.05)
        assert not is_held(lock)
        os.killpg(holder.pid, signal.SIGKILL)


def test_a_lock_file_that_is_there_already_stays_and_holds_nothing(tmp_path):
    lock = tmp_path / "lock"
    lock.write_bytes(b"")
    assert not is_held(lock)
    with hold(lock, "never said"):
        assert is_held(lock)
    assert lock.is_file()


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such bits")
def test_whoever_may_write_in_the_folder_may_hold_it(tmp_path):
    before = os.umask(0o077)
    try:
        with hold(tmp_path / "lock", "never said"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o666


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_holds_nobody_up(number, tmp_path, monkeypatch):
    monkeypatch.setattr(FileLock, "_acquire", lambda lock: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
    with hold(tmp_path / "lock", "never said"), hold(tmp_path / "lock", "never said"):
        pass


def test_a_lock_file_that_may_not_be_written_is_no_file_system_without_locks(tmp_path, monkeypatch):
    monkeypatch.setattr(FileLock, "_acquire", lambda lock: (_ for _ in ()).throw(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(PermissionError), hold(tmp_path / "lock", "never said"):
        pass
