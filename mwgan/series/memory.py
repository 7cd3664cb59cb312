"""How many slices at a time fit into a given memory, by any method: what a method takes is measured on small slices, not guessed.

All that is allocated for a slice of N x N pixels and A tilts grows with A N and N^2, all that is kept for a geometry with A N^2 at
most; so two sizes with one and with several slices tell it at any size.
"""

from __future__ import annotations

import mmap
import os
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn.functional import interpolate

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.memory import machine_bytes

BLOCKS = (32, 16, 8, 4, 2, 1)  # slices that the projector's vector registers take at once
PLENTY = 4000  # bytes a pixel of slice and sinogram: three times what the hungriest network takes; below it nothing is measured
LEAST_SIDE = 128  # to which networks may fill a slice up
PROBE_SIDE = 64  # at most, and twice that
SPARE = 1.25  # for what libraries allocate by themselves, and for gaps between what is allocated
PROGRAM = 700 << 20  # bytes of Python, torch and what else is loaded: measured 450 to 600 MiB
LATER = 100 << 20  # of what is loaded later, and of what is freed and not given back
SHARE = 0.75  # of the machine's memory, where nothing is said
UNTOLD = 8 << 30  # where nothing tells what a machine has
SHARE_OF_BAND = 8
SHARE_OF_GPU = 0.8  # of what is free there
UNITS = {"": 1, "K": 10, "M": 20, "G": 30, "T": 40}

Work = Callable[[Measurement], object]


def parse_memory(text: str) -> int:
    """Bytes of ``2GB``, ``500 MB``, ``1.5G``; a unit is the next one's 1024th part.

    Raises
    ------
    InputError
        If it is none of that kind.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if found is None or float(found[1]) == 0:
        raise InputError(f"a memory is written as 2GB or 500MB, not {text!r}")
    unit = found[2].upper()
    return int(float(found[1]) * (1 << UNITS[unit] if unit else 1))


def default_memory() -> int:
    """Three quarters of what this machine, or the container on it, has."""
    whole = machine_bytes() or UNTOLD
    return int(SHARE * whole)


def band_bytes(budget: int | None) -> int:
    """What of a memory slices may take that are read ahead: a tilt axis along x costs a pass through the file for each such band."""
    return (default_memory() if budget is None else budget) // SHARE_OF_BAND


def slices_that_fit(
    work: Work, example: Measurement, budget: int | None, reading: Callable[[int], int] = lambda slices: 0, most: int = BLOCKS[0]
) -> int:
    """The largest number of slices, of those in :data:`BLOCKS`, that stay within a memory.

    Parameters
    ----------
    work
        All that is done with a block: its memory is measured on small slices where there is any doubt.
    example
        A measurement of any of the slices, on the device that they are reconstructed on.
    budget
        Bytes for the whole process; None for :func:`default_memory`. On a GPU it is for that one's memory.
    reading
        Bytes beside the work for a number of slices.
    most
        How many slices there are.

    Raises
    ------
    InputError
        If a single slice takes more.
    """
    geometry, device = example.geometry, example.sinogram.device
    given, budget = budget, default_memory() if budget is None else budget
    on_gpu = device.type == "cuda"
    if on_gpu:
        budget = min(budget, int(SHARE_OF_GPU * torch.cuda.mem_get_info(device)[0]))
    side, tilts = max(geometry.detector_size, LEAST_SIDE), geometry.tilts
    enough = next(block for block in BLOCKS if block == 1 or block // 2 < most)  # no more lanes than slices
    there = 0 if on_gpu else PROGRAM
    if there + reading(enough) + PLENTY * enough * (side + tilts) * side <= budget:
        return enough
    takes = _measured(work, example)
    there = 0 if on_gpu else _resident() + LATER  # all that the work needs is loaded now
    for block in BLOCKS[BLOCKS.index(enough) :]:
        if there + reading(block) + SPARE * takes(block) <= budget:
            return block
    needed = (there + reading(1) + SPARE * takes(1)) / 2**30
    size = geometry.detector_size
    what = f"--memory is {budget / 2**30:.1f} GB" if given is not None else f"{budget / 2**30:.1f} GB may be used here"
    raise InputError(
        f"a single slice of {size} x {size} pixels and {tilts} tilts takes about {needed:.1f} GB by this method, and {what}: "
        "give --memory more, bin the images, or take another method"
    )


def _measured(work: Work, example: Measurement) -> Callable[[int], float]:
    """Bytes that ``work`` takes for a number of slices like the example."""
    size = wanted = example.geometry.detector_size
    while size > PROBE_SIDE:
        size //= 2
    one, several = (_peak(work, _smaller(example, size, slices)) for slices in (1, 4))
    slope, kept = (several - one) / 3, max(0.0, one - (several - one) / 3)
    if size == wanted:
        return lambda block: kept + block * slope
    larger_one, larger_several = (_peak(work, _smaller(example, 2 * size, slices)) for slices in (1, 4))
    larger_slope, times = (larger_several - larger_one) / 3, wanted / size
    squared = max(0.0, (larger_slope - 2 * slope) / 2)  # slope = linear + squared at the smaller size, 2 linear + 4 squared at the other
    linear = max(0.0, slope - squared)
    kept = max(kept, (larger_one - larger_slope) / 4) * times**2
    return lambda block: kept + block * (linear * times + squared * times**2)


def _smaller(example: Measurement, size: int, slices: int) -> Measurement:
    """A made-up measurement of the same tilts and the same kind of mask."""
    device, tilts = example.sinogram.device, example.geometry.tilts
    place = torch.linspace(-1, 1, size, device=device)
    rows = (1 - place.square()).expand(slices, 1, tilts, size).to(example.sinogram.dtype)
    measured = example.measured
    if example.by_pixel:
        mask = interpolate(example.mask[:1].to(rows.dtype), (tilts, size), mode="nearest") > 0
        measured = mask.repeat(slices, 1, 1, 1)  # slices may have masks of their own, which take most
    elif measured.ndim > 1:
        measured = measured[:1].repeat(slices, 1, 1, 1)
    geometry: TiltGeometry = replace(example.geometry, detector_size=size, axis_offset_px=0.0, tilt_offset_px=())
    beside = None if example.neighbours is None else rows.repeat(1, example.neighbours.shape[1], 1, 1)
    return Measurement(rows, measured, geometry, beside)


def _peak(work: Work, measurement: Measurement) -> float:
    """The most bytes of tensors and arrays at a time while ``work`` is done."""
    from torch.profiler import ProfilerActivity, profile

    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it would tell on stderr when it begins and ends
    work(measurement)  # what is kept from the first call on is no part of the second
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        tracemalloc.start()
        try:
            work(measurement)
            arrays = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    events = [one for one in watched.profiler.kineto_results.events() if one.name() == "[memory]"]
    now = dict.fromkeys({one.device_type() for one in events}, 0)
    most = 0
    for one in sorted(events, key=lambda one: one.start_ns()):
        now[one.device_type()] += one.nbytes()
        most = max(most, now[one.device_type()])
    return most + arrays


def _resident() -> int:
    """Bytes that this process holds."""
    told = Path("/proc/self/statm")
    return int(told.read_text(encoding="utf-8").split()[1]) * mmap.PAGESIZE if told.is_file() else PROGRAM
