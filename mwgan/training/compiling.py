"""``torch.compile`` for the networks of a training; the step around them stays plain Python, as Lightning needs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable

import torch
from torch import nn

from mwgan.errors import InputError

CUDA_GRAPHS = ("reduce-overhead", "max-autotune")
MODES = ("default", *CUDA_GRAPHS, "max-autotune-no-cudagraphs")


def compile_in_place(networks: Iterable[nn.Module], mode: str) -> None:
    """Compile networks at their first call; they keep their type and the names of their weights."""
    if mode not in MODES:
        raise InputError(f"model.compile is null or one of {', '.join(MODES)}, not {mode!r}")
    for network in networks:
        network.compile(mode=mode)


def check_compiler(mode: str | None, device: torch.device) -> None:
    """Raise an :class:`InputError` where ``mode`` asks for compiled networks on a CPU without a C++ compiler."""
    compiler = os.environ.get("CXX", {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++"))
    if mode is not None and device.type == "cpu" and shutil.which(compiler) is None:
        raise InputError(
            f"model.compile={mode} needs a C++ compiler on a CPU and there is no {compiler}: install it, or set model.compile=null"
        )


def begin_step(mode: str | None) -> None:
    """Mark the start of a step for CUDA graphs: outputs of the previous step may be overwritten."""
    if mode in CUDA_GRAPHS:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
