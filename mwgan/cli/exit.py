"""How a program ends: bad input is one sentence and exit code 2; anything else that fails keeps its traceback."""

from __future__ import annotations

import functools
import logging
import os
import re
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from mwgan.cli.jobs import is_first_process
from mwgan.errors import InputError

Result = TypeVar("Result")


def run(program: Callable[[], object]) -> None:
    """Run a Hydra application so that a user's mistake reads as one sentence."""
    # Hydra would print its own summary and exit with 1; with this it raises, and the message is ours.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    logging.getLogger("numexpr").setLevel(logging.WARNING)  # pandas' helper would tell its number of threads
    try:
        _explained(program)
    except KeyboardInterrupt:
        if is_first_process():
            print("interrupted: what was finished is kept", file=sys.stderr)
        sys.exit(130)


def in_one_sentence(task: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """Decorate a Hydra task: a user's mistake ends it here, before Hydra writes lines of its own about a failed job."""

    @functools.wraps(task)
    def guarded(cfg: Any) -> Result:
        return _explained(lambda: task(cfg))

    return guarded


def _explained(program: Callable[[], Result]) -> Result:
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        return program()
    except InputError as error:
        fail(str(error))
    except (HydraException, OmegaConfBaseException) as error:
        fail(explained(error))


def fail(sentence: str) -> NoReturn:
    """Print one sentence to stderr and exit with code 2."""
    print(f"error: {' '.join(sentence.split())}", file=sys.stderr)
    sys.exit(2)


def explained(error: Exception) -> str:
    """What Hydra or OmegaConf complains of, in one sentence."""
    from hydra.errors import InstantiationException

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
