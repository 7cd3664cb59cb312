"""One training, from its configuration to its metrics."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from mwgan.configuration import mistakes_of_the_configuration
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
    with mistakes_of_the_configuration():
        prepared = prepare(cfg)
    with ending(Path(cfg.paths.output_dir), prepared.trainer), mistakes_of_the_configuration(lambda: not prepared.trainer.global_step):
        return fit(prepared)  # what fails in the first step already has never worked
