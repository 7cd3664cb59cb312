"""Configuration to objects: the one wrapper around Hydra's ``instantiate``."""

from __future__ import annotations

from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf

from mwgan.errors import InputError


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
