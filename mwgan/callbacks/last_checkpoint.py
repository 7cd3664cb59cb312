"""``last.ckpt`` after every epoch, every few minutes within one, and when the run is asked to stop."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.trainer.states import TrainerFn

from mwgan.callbacks.csv_log import LOGGED_LAST, CSVLog
from mwgan.callbacks.stop_signals import Stopped, StopSignals
from mwgan.files.checkpoints import LAST

VALIDATION = "epoch_loop.val_loop.batch_progress"
ASK_EVERY = 8  # steps between exchanges among processes on several GPUs, each of which synchronises with the GPU
ABOUT_TO_VALIDATE = {"ready": 1, "started": 1, "processed": 0, "completed": 0}  # Lightning's state for an interrupted validation


class LastCheckpoint(pl.callbacks.ModelCheckpoint):
    """The checkpoint that a stopped run resumes from. Lightning's ``save_last`` (2.6) saves it only when the best one is saved too.

    Within an epoch it is written between two batches, of training or of validation, by the first process's clock; Lightning's own
    ``train_time_interval`` does nothing under manual optimisation. It comes after the other checkpoints in the list of
    callbacks, so that it contains their state.

    Parameters
    ----------
    dirpath
        Its folder.
    every_minutes
        Longest time between two writes; None: only at the end of each epoch.
    """

    def __init__(self, dirpath: str, every_minutes: float | None = 15.0) -> None:
        super().__init__(dirpath=dirpath, filename=LAST.stem, enable_version_counter=False)
        self.every_s = float("inf") if every_minutes is None else 60 * every_minutes
        self.signals = StopSignals()
        self._saved_at, self._questions = 0.0, 0
        self._epoch: dict[str, float] = {}  # training metrics of the last finished epoch

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        self.signals.remember()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        self._saved_at = time.monotonic()
        self.signals.listen()
        self._log_missing_epoch(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        if not trainer.is_last_batch:  # after the last one validation comes first, and checks too
            self._save_in_between(trainer)

    def on_validation_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        if trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking:
            self._save_in_between(trainer)

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        if trainer.validating and trainer.state.fn == TrainerFn.FITTING:  # its metrics aren't saved: it is repeated
            checkpoint["loops"]["fit_loop"][VALIDATION] |= {"total": {**ABOUT_TO_VALIDATE}, "current": {**ABOUT_TO_VALIDATE}}

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("train/")}
        self._epoch = {"epoch": trainer.current_epoch, **metrics}
        super().on_train_epoch_end(trainer, pl_module)
        self._saved_at = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "epoch": self._epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._epoch = state_dict.get("epoch", {})

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stop_if_asked(trainer, self._poll(trainer)[0])  # not as the epoch ends: its metrics are logged after that

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self.signals.leave()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.signals.leave()

    def _log_missing_epoch(self, trainer: pl.Trainer) -> None:
        """Log the last epoch if the program was killed after saving its checkpoint and before Lightning logged it."""
        if LOGGED_LAST not in self._epoch or not any(
            isinstance(logger, CSVLog) and logger.lacks(int(self._epoch["epoch"])) for logger in trainer.loggers
        ):
            return
        for logger in trainer.loggers:
            logger.log_metrics(self._epoch, int(self._epoch[LOGGED_LAST]) - 1)  # the step's number, as Lightning logs it

    @property
    def _file(self) -> Path:
        return Path(str(self.dirpath)) / LAST.name

    def _save_in_between(self, trainer: pl.Trainer) -> None:
        stop, due = self._poll(trainer)
        if stop or due:
            # Not by the parent's method, which after a save in validation would skip the one at the epoch's end.
            trainer.save_checkpoint(self._file, weights_only=False)
            self._saved_at = time.monotonic()
        self._stop_if_asked(trainer, stop)

    def _poll(self, trainer: pl.Trainer) -> tuple[int, bool]:
        """The stop signal that any process received, or 0, and whether a checkpoint is due: the same in all processes."""
        stop, due = self.signals.received, trainer.is_global_zero and time.monotonic() - self._saved_at >= self.every_s
        if trainer.world_size == 1:
            return stop, due  # no synchronisation with the GPU
        self._questions += 1
        if trainer.strategy.root_device.type == "cuda" and self._questions % ASK_EVERY:
            return 0, False
        shared = trainer.strategy.reduce(torch.tensor([stop, due], device=trainer.strategy.root_device), reduce_op="max")
        stop, due = shared.tolist()  # type: ignore[union-attr]
        return stop, bool(due)

    def _stop_if_asked(self, trainer: pl.Trainer, stop: int) -> None:
        if stop:
            if trainer.is_global_zero:
                sentence = f"asked to stop in epoch {trainer.current_epoch + 1}: the training so far is saved in {self._file}"
                print(sentence, file=sys.stderr, flush=True)
            if not self.signals.passed_on(stop):
                raise Stopped(stop)
