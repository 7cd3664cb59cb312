"""Temporary names of files being written, and clean-up of those that a killed process left behind.

A name contains the writing process and machine, ``.NAME.PID-HOST-COUNT.partial``: no two processes write to one file, and the
next one that writes NAME can recognise abandoned files.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import re
import shutil
import time
import zlib
from pathlib import Path

LONGEST = 200  # bytes of a name that is used in full: file systems allow 255 including the additions
DAY_S = 86400.0
_unfinished: set[Path] = set()
_left: list[str] = []
_count = itertools.count()


def new_partial(target: Path) -> Path:
    """A unique temporary name for ``target`` in its folder; files left there for it by killed processes are removed."""
    _remove_leftovers(target)
    partial = target.with_name(f"{beginning(target)}{os.getpid()}-{_host()}-{next(_count)}.partial")
    _unfinished.add(partial)
    return partial


def drop(partial: Path) -> None:
    """Remove a temporary file or folder, if it still exists."""
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)
    _unfinished.discard(partial)


def drop_all() -> None:
    """Remove all unfinished files of this process: an interruption can come between creating a file and the code that would remove it."""
    for partial in list(_unfinished):
        drop(partial)


def set_report(sentence: str) -> None:
    """Set what an interrupted program reports about its unfinished work, instead of that it is removed."""
    _left.append(sentence)


def take_report() -> str:
    """The report on unfinished work; cleared when it is read."""
    report = "; ".join(_left) or "unfinished files are removed"
    _left.clear()
    return report


def beginning(target: Path) -> str:
    """Prefix of the temporary names of a file."""
    name = target.name
    if len(os.fsencode(name)) > LONGEST:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}."


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _remove_leftovers(target: Path) -> None:
    """Remove abandoned files of this machine's processes; those of other machines can't be checked."""
    pattern = re.compile(rf"{re.escape(beginning(target))}(\d+)-{_host()}-\d+\.partial")
    try:
        names = os.listdir(target.parent)
    except OSError:  # writing will report the reason
        return
    for name in names:
        found = pattern.fullmatch(name)
        if found and _gone(int(found[1]), target.with_name(name)):
            drop(target.with_name(name))


def _gone(process: int, left: Path) -> bool:
    """Whether the process of that number, which started the file, no longer exists."""
    if process == os.getpid():
        return left not in _unfinished
    if os.name == "nt":  # there os.kill would end the process
        return left.exists() and time.time() - left.stat().st_mtime > DAY_S
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's process
        return False
    return False
