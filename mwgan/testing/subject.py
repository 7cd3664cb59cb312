"""The object being checked, and assertions on its results with one-sentence messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class Subject:
    """A thing under test, and the name that sentences call it by."""

    def __init__(self, thing: object) -> None:
        self.thing = thing
        self.name = str(getattr(thing, "__name__", None) or type(thing).__name__)

    def require(self, held: bool, sentence: str) -> None:
        """Raise an AssertionError that says ``sentence`` of the subject unless it held."""
        if not held:
            raise AssertionError(f"{self.name} {sentence}")

    def ask(self, function: Callable[..., Any], *given: Any, of: str) -> Any:
        """What ``function`` gives; an exception is said to be the answer to a question ``of`` something."""
        self.require(callable(function), f"can't be called with {of}")
        try:
            return function(*given)
        except AssertionError:
            raise
        except Exception as error:  # of somebody else's code, which may raise anything
            message = (str(error).splitlines() or [""])[0]
            raise AssertionError(f"{self.name} ends in {type(error).__name__} ({message}), given {of}") from error

    def tensor(self, value: object, shape: tuple[int, ...], like: Tensor, of: str) -> Tensor:
        """``value``, if it is a finite tensor of this shape, of the number format of ``like`` and on its device."""
        if not isinstance(value, Tensor):
            raise AssertionError(f"{self.name} gives a {type(value).__name__} and no torch tensor, given {of}")
        self.require(tuple(value.shape) == shape, f"gives {tuple(value.shape)}, not {shape}, given {of}")
        self.require(value.dtype == like.dtype, f"gives {value.dtype}, not {like.dtype}, given {of}")
        self.require(value.device == like.device, f"gives a tensor on {value.device}, not on {like.device}, given {of}")
        self.require(bool(value.isfinite().all()), f"gives values that are not finite, given {of}")
        return value.detach()

    def agree(self, value: Tensor, expected: Tensor, tolerance: float, sentence: str) -> None:
        """Require that no value is off by more than ``tolerance`` times the largest one expected."""
        off = difference(value, expected)
        self.require(off <= tolerance, f"{sentence}: values differ by up to {100 * off:.2g} % of the largest")


def difference(value: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest value expected."""
    largest = float(expected.abs().max().clamp(min=torch.finfo(expected.dtype).tiny))
    return float((value - expected).abs().max()) / largest
