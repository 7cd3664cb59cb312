"""Checks before work starts that it fits into memory."""

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
    """The memory available to this program: the machine's, or its container's; None if unknown."""
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
    """Free memory of a CUDA device, including torch's cache; None for other devices."""
    if device.type != "cuda":
        return None
    import torch

    return torch.cuda.mem_get_info(device)[0] + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def check_fits(needed: float, what: str, remedy: str) -> None:
    """Raise an :class:`InputError` if ``what`` takes more bytes than this machine has, with the remedy.

    Parameters
    ----------
    needed
        Lower bound of the memory in bytes.
    what
        What needs it, as the start of a sentence: "16 slices of 4096 pixels".
    remedy
        The remedy, as its end: "lower data.size".
    """
    there = machine_bytes()
    if there is not None and needed > there:
        raise InputError(f"{what} need {needed / GB:,.0f} GB of memory or more, and this machine has {there / GB:,.0f}: {remedy}")


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
