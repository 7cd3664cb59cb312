"""The csv log of a run: a file that is complete at any moment, however the program ends."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.loggers.csv_logs import ExperimentWriter

from mwgan.files.atomic import atomic_write

LOGGED_LAST = "train/batches"  # the last value that is logged for an epoch


class CSVLog(CSVLogger):
    """Lightning's csv log, but the file is replaced atomically instead of being appended to.

    At a new column Lightning's own empties the file and rewrites it: a program killed at that moment loses every row.
    """

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The writer of the file, in the first process."""
        if self._experiment is None:
            self._experiment = _AtomicFile(self.log_dir)
        return self._experiment

    def lacks(self, epoch: int) -> bool:
        """Whether the log that was set aside when this run was resumed lacks the training values of ``epoch``."""
        parts = list(Path(self.log_dir).glob("metrics_*.csv"))
        return bool(parts) and not any(
            row.get("epoch") == str(epoch) and row.get(LOGGED_LAST)
            for part in parts
            for row in csv.DictReader(part.read_text(encoding="utf-8").splitlines())
        )


class _AtomicFile(ExperimentWriter):
    def __init__(self, log_dir: str) -> None:
        super().__init__(log_dir)
        self._rows: list[dict[str, float]] = []

    def save(self) -> None:
        """Write all rows, old and new."""
        if not self.metrics:
            return
        self._record_new_keys()
        self._rows += self.metrics
        self.metrics = []
        with atomic_write(Path(self.metrics_file_path)) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=self.metrics_keys)
            writer.writeheader()
            writer.writerows(self._rows)
