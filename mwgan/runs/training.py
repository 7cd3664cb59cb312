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
    """Run the training of ``cfg`` in the folder ``cfg.paths.output_dir``; return the last validation metrics.

    Raises
    ------
    InputError
        If the training isn't possible, or the disk is full.
    """
    with mistakes_of_the_configuration():
        prepared = prepare(cfg)
    with ending(Path(cfg.paths.output_dir), prepared.trainer), mistakes_of_the_configuration(lambda: not prepared.trainer.global_step):
        return fit(prepared)  # an error in the first step already is most likely the input's
