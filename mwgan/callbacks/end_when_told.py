"""A training that is told to end does so after the batch in progress, in all its processes at once."""

from __future__ import annotations

import signal
from typing import Any

import pytorch_lightning as pl
import torch

TOLD = (None, signal.SIGTERM, signal.SIGUSR2)  # the later in this list wins


class EndWhenTold(pl.Callback):
    """Answers SIGTERM, and SIGUSR2, by which SLURM says that the time is nearly up.

    Lightning's own answer to SIGTERM takes part in a collective operation from within the signal handler. SLURM tells every
    process, each at another place of its step, and their operations would no longer match; here they agree as a batch ends.
    It stands before the other callbacks, so that they can see the end coming (``trainer.received_sigterm``).
    """

    def __init__(self) -> None:
        self._told = 0

    @property
    def told(self) -> signal.Signals | None:
        """What this training was told; nothing as a rule."""
        return TOLD[self._told]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        # Lightning has set its handlers by now. It puts back what was there before them when the training is over.
        for number in TOLD[1:]:
            signal.signal(number, self._note)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if trainer.world_size > 1:
            told = torch.tensor(self._told, device=trainer.strategy.root_device)
            self._told = int(trainer.strategy.reduce(told, reduce_op="max"))
        if self._told:
            trainer._signal_connector.received_sigterm = True  # Lightning ends once this batch, and this epoch's last, is counted

    def _note(self, number: int, frame: object) -> None:
        self._told = max(self._told, TOLD.index(number))
