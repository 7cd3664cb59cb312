"""Configuration: composing it, building objects from it, converting it to plain values, and Hydra's errors as one sentence."""

from __future__ import annotations

import re
import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, InstantiationException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mwgan.errors import InputError
from mwgan.methods import add_folder
from mwgan.parts import configuration_folders
from mwgan.paths import conf_dir

# Hydra 1.4 wants a list of what a configuration may name. The command line and its files are the user's, who may name anything; of the
# files of others, weights and run folders, mwgan.parts has such a list.
warnings.filterwarnings("ignore", message=r"(?s)hydra\.utils\.instantiate\(\) resolved .*_execution_whitelist_", category=UserWarning)


def build(node: Any, **arguments: Any) -> Any:
    """Build the object of a ``_target_`` node. An :class:`InputError` inside it is raised unchanged."""
    try:
        if arguments:  # passed unchanged: instantiate would build every _target_ inside them
            return instantiate(node, _convert_="all", _partial_=True)(**arguments)
        return instantiate(node, _convert_="all")
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, InputError):
                raise cause from None
            cause = cause.__cause__
        raise


@contextmanager
def mistakes_of_the_configuration(still: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Context for building objects: errors are caused by the configuration, and raised as one sentence.

    Parameters
    ----------
    still
        Whether an error at this point is still caused by the configuration.

    Raises
    ------
    InputError
        With the cause.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, InputError | OSError | MemoryError | HydraException) and not isinstance(error, InstantiationException):
            raise
        if not still():
            raise
        where = re.search(r"full_key: (\S+)", str(error))
        cause: BaseException = error
        while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
            cause = cause.__cause__
        what = " ".join(str(cause).split())[:250].rstrip(".") or type(cause).__name__
        part = f"{where[1]} of the configuration" if where else "the configuration"
        raise InputError(f"{part} can't be used ({what}): check what was given for it, --cfg job shows all there is") from error


def plain(node: Any, resolve: bool = True) -> Any:
    """A configuration node as plain values, as needed in a checkpoint; interpolations are resolved by default."""
    return OmegaConf.to_container(node, resolve=resolve) if OmegaConf.is_config(node) else node


class PartsSearchPath(SearchPathPlugin):
    """Search path: ``--config-dir`` first, then the ``conf`` folders of installed parts (:mod:`mwgan.parts`), then mwgan's own.

    Hydra itself searches ``--config-dir`` after the program's own, where a file of the same name would be silently ignored.
    As a plugin it leaves no trace in the options, so a run whose package is gone can still be resumed.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        ours = [element for element in search_path.get_path() if Path(str(element.path).removeprefix("file://")) == conf_dir()]
        if not ours:  # called for any Hydra application in this process
            return
        given = [("--config-dir", folder) for folder in _folder_of_command_line()]
        for provider, folder in (*given, *(("mwgan.parts", folder) for folder in reversed(configuration_folders()))):
            search_path.prepend(provider, f"file://{folder}", anchor=ours[0].provider)


def _folder_of_command_line() -> list[Path]:
    """The folder of ``--config-dir``, if it is given and exists; Hydra refuses a missing one."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    folder = parser.parse_known_args()[0].config_dir
    return [Path(folder).absolute()] if folder is not None and Path(folder).is_dir() else []


def look_in_parts() -> None:
    """Let Hydra find the configuration of installed parts from now on."""
    Plugins.instance().register(PartsSearchPath)


def take_methods_of_command_line() -> None:
    """Add the methods in the ``--config-dir`` of the running Hydra application to the list."""
    for source in HydraConfig.get().runtime.config_sources:
        if source.provider == "command-line":
            add_folder(source.path)


def compose_training(options: Sequence[str]) -> DictConfig:
    """The configuration of ``mwgan-train`` with these options, without a run folder: nothing is run.

    Raises
    ------
    InputError
        If there is no such configuration.
    """
    look_in_parts()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return compose("train", overrides=[*options, "paths.output_dir=unused"])
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(describe_error(error)) from error


def describe_error(error: Exception) -> str:
    """An error of Hydra or OmegaConf as one sentence."""
    text = str(error)
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown:
        return f"the configuration has no key {unknown.group(1)!r}: check its spelling, --cfg job shows every key there is"
    missing = re.search(r"Could not find '([^']+)'", text)
    if missing:
        available = re.search(r"Available options in '[^']+':\s*(.*?)(?:\nConfig search path|\Z)", text, re.S)
        options = f"; there are {', '.join(available.group(1).split())}" if available else ""
        return f"there is no configuration {missing.group(1)!r}{options}"
    return text if isinstance(error, InstantiationException) else text.split("\n")[0]  # its reason is at the end
