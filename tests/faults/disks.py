"""Small disks of their own, in memory, that are full or can't be written to: as root on Linux."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = 4096

as_root = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts disks, as root on Linux")


@contextmanager
def disk(folder: Path, size: int) -> Iterator[None]:
    """A disk of ``size`` bytes, whole pages, mounted at ``folder``; skips the test where root may not mount, as in most containers."""
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("root may not mount disks here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def taken(folder: Path) -> int:
    """Bytes that the files below ``folder`` take on a disk."""
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in folder.rglob("*") if path.is_file())
