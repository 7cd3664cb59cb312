"""One training, from its configuration to its metrics."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from mwgan.runs.ending import ending
from mwgan.runs.fit import fit
from mwgan.runs.one_run import Metrics
from mwgan.runs.preparation import prepare


def train(cfg: DictConfig) -> Metrics:
    """Train as ``cfg`` says, in the folder ``cfg.paths.output_dir``; the last validation metrics.

    Raises
    ------
    InputError
        If it can't be trained so, or the disk is full.
    """
    prepared = prepare(cfg)
    with ending(Path(cfg.paths.output_dir), prepared.trainer):
        return fit(prepared)
