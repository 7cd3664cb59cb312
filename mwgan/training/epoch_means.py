"""Epoch means that can be saved in a checkpoint in mid-epoch, which Lightning's own can't."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


class EpochMeans:
    """Running means of named scalars, each batch weighted by its number of images."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start a new epoch."""
        self._sums: dict[str, Tensor] = {}
        self._weights: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor], weight: int) -> None:
        """Add the means of a batch of ``weight`` images, without synchronising with the GPU."""
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0) + value.detach().double() * weight
            self._weights[name] = self._weights.get(name, 0) + weight

    def means(self) -> dict[str, Tensor]:
        """The means so far."""
        return {name: (total / self._weights[name]).float() for name, total in self._sums.items()}

    def to(self, device: torch.device) -> None:
        """Move the sums to ``device``: a checkpoint is read before the training has its device."""
        self._sums = {name: total.to(device) for name, total in self._sums.items()}

    def state_dict(self, mean_over_processes: Callable[[Tensor], Tensor]) -> dict[str, tuple[float, int]]:
        """Sum and weight of each mean, averaged over processes, so that every process may continue from it."""
        if not self._sums:
            return {}
        sums = mean_over_processes(torch.stack(list(self._sums.values())))
        return {name: (total, self._weights[name]) for name, total in zip(self._sums, sums.tolist(), strict=True)}

    def load_state_dict(self, state: Mapping[str, tuple[float, int]], device: torch.device | str = "cpu") -> None:
        """Restore sums and weights."""
        self._sums = {name: torch.tensor(total, dtype=torch.float64, device=device) for name, (total, _) in state.items()}
        self._weights = {name: weight for name, (_, weight) in state.items()}
