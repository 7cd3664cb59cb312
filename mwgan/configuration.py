"""Configuration: composed as a program would, made into objects or plain values, and what Hydra complains of in one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mwgan.errors import InputError
from mwgan.paths import conf_dir


def build(node: Any, **arguments: Any) -> Any:
    """The object a ``_target_`` node describes. Bad input inside it is raised as the :class:`InputError` it is."""
    try:
        if arguments:  # handed over as they are: instantiate would build every _target_ it finds inside them
            return instantiate(node, _convert_="all", _partial_=True)(**arguments)
        return instantiate(node, _convert_="all")
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, InputError):
                raise cause from None
            cause = cause.__cause__
        raise


def plain(node: Any, resolve: bool = True) -> Any:
    """A configuration node as plain values: what may go into a checkpoint. Interpolations are resolved, unless they are to stay."""
    return OmegaConf.to_container(node, resolve=resolve) if OmegaConf.is_config(node) else node


def compose_training(options: Sequence[str]) -> DictConfig:
    """The configuration that ``mwgan-train`` would have with these options, but for a run folder: nothing is run.

    Raises
    ------
    InputError
        If there is no such configuration.
    """
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return compose("train", overrides=[*options, "paths.output_dir=unused"])
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explained(error)) from error


def explained(error: Exception) -> str:
    """What Hydra or OmegaConf complains of, in one sentence."""
    text = str(error)
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        return f"the configuration has no key {unknown.group(1)!r}: check its spelling, --cfg job shows every key there is"
    missing = re.search(r"Could not find '([^']+)'", text)
    if missing:
        available = re.search(r"Available options in '[^']+':\s*(.*?)(?:\nConfig search path|\Z)", text, re.S)
        options = f"; there are {', '.join(available.group(1).split())}" if available else ""
        return f"there is no configuration {missing.group(1)!r}{options}"
    return text if isinstance(error, InstantiationException) else text.split("\n")[0]  # that one's reason is last
