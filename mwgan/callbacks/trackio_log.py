"""The log of a run in Trackio: scalars, settings and pictures, on this machine."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning_fabric.loggers.logger import rank_zero_experiment
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only


class TrackioLog(Logger):
    """A run of Trackio's, which has no logger for Lightning of its own.

    Parameters
    ----------
    project
        What Trackio shows together.
    name
        What the run is called, with ``id`` behind it: Trackio knows runs by their names.
    id
        A run that is logged under the id of an earlier one continues it.
    group
        Runs that belong together, as those of a sweep.
    """

    def __init__(self, project: str, name: str, id: str | None = None, group: str | None = None) -> None:
        super().__init__()
        self._project, self._group = project, group
        self._name = f"{name} {id}" if id else name
        self._settings: dict[str, Any] = {}
        self._run: Any = None

    @property
    def name(self) -> str:
        """The project's name."""
        return self._project

    @property
    def version(self) -> str:
        """The run's name."""
        return self._name

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """Trackio's run, begun when something is logged first."""
        if self._run is None:
            import trackio

            self._run = trackio.init(self._project, self._name, self._group, config=self._settings, resume="allow", embed=False)
        return self._run

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Keep settings for the run's beginning, or add them to one that has begun."""
        settings = vars(params) if isinstance(params, Namespace) else dict(params)
        self._settings |= settings
        if self._run is not None:
            self._run.config.update(settings)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log scalars."""
        self.experiment.log(dict(metrics), step=step)

    @rank_zero_only
    def log_image(self, key: str, image: npt.NDArray[np.uint8], caption: str) -> None:
        """Log a picture (H, W, 3)."""
        from trackio import Image

        self.experiment.log({key: Image(image, caption=caption)})

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """See that all is written."""
        if self._run is not None:
            self._run.finish()
            self._run = None
