"""``mwgan-train``: train one model from one configuration."""

from __future__ import annotations

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig

from mwgan.configuration import look_in_parts
from mwgan.errors import MissingExtraError
from mwgan.paths import conf_dir
from mwgan.runs import exit, slurm
from mwgan.runs.one_run import Metrics, answer
from mwgan.runs.processes import arguments_of_this_process
from mwgan.runs.resume import whole_command
from mwgan.runs.sweeping import job_of_sweep

PLUGINS = {  # of Hydra, for launchers and searches: package and our extra
    "hydra/launcher/joblib": ("hydra-joblib-launcher", "sweep"),
    "hydra/launcher/submitit_slurm": ("hydra-submitit-launcher", "slurm"),
    "hydra/sweeper/optuna": ("hydra-optuna-sweeper", "search"),
}


def train(cfg: DictConfig) -> Metrics:
    """Train as configured and return the last validation metrics, see :func:`mwgan.runs.training.train`."""
    from mwgan.runs.training import train as run  # loads torch and Lightning, which an error in an option should not wait for

    return run(cfg)


@hydra.main(config_path=str(conf_dir()), config_name="train", version_base="1.3")
def _main(cfg: DictConfig) -> Metrics | float | None:
    with slurm.requeued_on_signal():
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return job_of_sweep(cfg, train)
        return exit.in_one_sentence(lambda cfg: answer(cfg, train))(cfg)


def _start() -> None:
    sys.argv[1:] = arguments_of_this_process(whole_command(sys.argv[1:]))
    try:
        _main()
    except MissingConfigException as error:
        plugin = PLUGINS.get(str(error.missing_cfg_file))
        if plugin is None:
            raise
        raise MissingExtraError(str(error.missing_cfg_file), plugin[0], f"pip install 'mwgan[{plugin[1]}]'") from None


def main() -> None:
    look_in_parts()
    slurm.name_folder()
    exit.run(_start)


if __name__ == "__main__":
    main()
