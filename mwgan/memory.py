"""Whether work fits into this machine's memory: asked before it begins, not found out when the system kills the program."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mwgan.errors import InputError

if TYPE_CHECKING:
    import torch

CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
GB = 1e9


def machine_bytes() -> int | None:
    """The memory that this program may use: the machine's, or less where its container has less; None where nothing tells."""
    found = []
    if hasattr(os, "sysconf"):
        with suppress(ValueError, OSError):
            found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    else:
        found += _of_windows()
    for limit in CGROUP_LIMITS:
        try:
            found.append(int(limit.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file; "max"
            continue
    return min(found, default=None)


def free_bytes(device: torch.device) -> int | None:
    """The memory of a CUDA device that this program may still take, what torch keeps for it included; None of other devices."""
    if device.type != "cuda":
        return None
    import torch

    return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def check_fits(needed: float, what: str, remedy: str) -> None:
    """Raise an :class:`InputError` if ``what`` takes more bytes than this machine has, with the remedy.

    Parameters
    ----------
    needed
        The least that it takes.
    what
        What takes them, as the beginning of a sentence: "16 slices of 4096 pixels".
    remedy
        What to do, as its end: "lower data.size".
    """
    there = machine_bytes()
    if there is not None and needed > there:
        raise InputError(f"{what} take {needed / GB:,.0f} GB of memory or more, and this machine has {there / GB:,.0f}: {remedy}")


def _of_windows() -> list[int]:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "page", "page_free", "virtual", "virtual_free", "extended")),
        )

    windll = getattr(ctypes, "windll", None)
    status = Status(length=ctypes.sizeof(Status))
    return [status.total] if windll is not None and windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else []
