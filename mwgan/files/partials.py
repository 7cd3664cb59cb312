"""The temporary names that files are written under, and what becomes of those that a killed process left behind.

A name carries the process and the machine that write, ``.NAME.PID-HOST-COUNT.partial``: no two ever write into one file, and the
next one that writes NAME can tell what nobody will finish.
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

LONGEST = 200  # bytes of a name that is carried whole: file systems take 255 with what is added
DAY_S = 86400.0
_unfinished: set[Path] = set()
_left: list[str] = []
_count = itertools.count()


def new_partial(target: Path) -> Path:
    """A temporary name for ``target`` in its folder, of this process alone; what killed processes left there for it is removed."""
    _remove_leftovers(target)
    partial = target.with_name(f"{beginning(target)}{os.getpid()}-{_host()}-{next(_count)}.partial")
    _unfinished.add(partial)
    return partial


def drop(partial: Path) -> None:
    """Remove a temporary file or folder, if it is there still."""
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)
    _unfinished.discard(partial)


def drop_all() -> None:
    """Remove whatever this process has not finished: an interruption can fall between a file's making and what would undo it."""
    for partial in list(_unfinished):
        drop(partial)


def say_what_is_left(sentence: str) -> None:
    """Have a program that is ended say what becomes of what it has not finished, in place of that it is removed."""
    _left.append(sentence)


def what_is_left() -> str:
    """What there is to say of it; it is said once."""
    told = "; ".join(_left) or "what was not finished is removed"
    _left.clear()
    return told


def beginning(target: Path) -> str:
    """What the names of a file's temporary ones begin with."""
    name = target.name
    if len(os.fsencode(name)) > LONGEST:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}."


def _host() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _remove_leftovers(target: Path) -> None:
    """Only of this machine's processes: those of another one can't be asked."""
    pattern = re.compile(rf"{re.escape(beginning(target))}(\d+)-{_host()}-\d+\.partial")
    try:
        names = os.listdir(target.parent)
    except OSError:  # the writing itself will say why
        return
    for name in names:
        found = pattern.fullmatch(name)
        if found and _gone(int(found[1]), target.with_name(name)):
            drop(target.with_name(name))


def _gone(process: int, left: Path) -> bool:
    """Whether nobody will finish what a process of that number has begun."""
    if process == os.getpid():
        return left not in _unfinished
    if os.name == "nt":  # there os.kill would end the process that it asks for
        return left.exists() and time.time() - left.stat().st_mtime > DAY_S
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:  # somebody else's
        return False
    return False
