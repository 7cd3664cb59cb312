"""The training loop."""

from __future__ import annotations

from mwgan.runs.one_run import Metrics
from mwgan.runs.preparation import Prepared
from mwgan.runs.processes import all_or_none


def fit(prepared: Prepared) -> Metrics:
    """Train to the last epoch, in all of the run's processes or in none; return the last metrics."""
    trainer = prepared.trainer
    with all_or_none(trainer):
        trainer.fit(prepared.module, prepared.data, ckpt_path=prepared.checkpoint)
        if not trainer.callback_metrics:  # it was stopped after its last epoch
            trainer.validate(prepared.module, prepared.data, verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}
