"""Weights on the Hugging Face hub, or on any server with the same interface (``HF_ENDPOINT``): ``hf://ORG/NAME``.

A name may end with a revision and a file: ``hf://ORG/NAME@v2/other.safetensors``. What is downloaded stays in the cache of
huggingface_hub (``HF_HOME``) and is read from there when the hub can't be reached. Safetensors are all that is ever fetched.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from mwgan.errors import InputError, MissingExtraError
from mwgan.files.shards import INDEX

HUB = "hf://"
HUB_WEIGHTS = "model.safetensors"  # the usual name there of weights in one file
SHARDS = "model-*-of-*.safetensors"
NAME = re.compile(r"hf://(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?(?:/(?P<file>.+))?")
LOG_IN = "log in (hf auth login) as somebody who may"
NO_LEAVE = (401, 403)  # statuses of HTTP


@dataclass(frozen=True)
class HubName:
    """The parts of ``hf://ORG/NAME@REVISION/FILE``."""

    repository: str
    revision: str | None = None
    file: str | None = None


def is_on_hub(name: str | Path) -> bool:
    """Whether a name refers to a hub."""
    return str(name).startswith(HUB)  # never of a Path, which joins the two slashes


def parse_hub_name(name: str) -> HubName:
    """The parts of a name.

    Raises
    ------
    InputError
        If it isn't of that form.
    """
    found = NAME.fullmatch(name)
    if found is None or ".." in name:
        raise InputError(f"{name} is no name on a hub: write hf://ORG/NAME, hf://ORG/NAME@REVISION or hf://ORG/NAME/FILE.safetensors")
    return HubName(**found.groupdict())


def check_repository(name: str) -> str:
    """The ORG/NAME that weights are pushed to.

    Raises
    ------
    InputError
        If the name is of something else than a repository.
    MissingExtraError
        If huggingface_hub isn't installed.
    """
    wanted = parse_hub_name(name)
    if wanted.file is not None or wanted.revision is not None:
        raise InputError(f"weights are pushed to a repository, hf://{wanted.repository}: leave the revision and the file out")
    _check_installed(name)
    return wanted.repository


@lru_cache(maxsize=64)  # a program sees one revision, whatever is pushed while it runs
def fetch(name: str) -> Path:
    """Download the weights behind ``hf://…``: their file, or the index of their shards.

    Raises
    ------
    InputError
        If there is no such repository, revision or file, this user may not see it, or the hub can't be reached and nothing is kept.
    MissingExtraError
        If huggingface_hub isn't installed.
    """
    wanted = parse_hub_name(name)
    if wanted.file is not None and not wanted.file.endswith(".safetensors"):
        raise InputError(f"{name} is no safetensors file: weights from a hub are read as safetensors alone")
    _check_installed(name)
    from huggingface_hub import snapshot_download

    patterns = [INDEX, HUB_WEIGHTS, SHARDS] if wanted.file is None else [wanted.file]
    with _reached(name):
        folder = snapshot_download(wanted.repository, revision=wanted.revision, allow_patterns=patterns, endpoint=_endpoint())
    names = [INDEX, HUB_WEIGHTS] if wanted.file is None else [wanted.file]
    found = [Path(folder, file) for file in names if Path(folder, file).is_file()]
    if not found and wanted.file is not None:
        raise InputError(f"{wanted.repository} holds no file {wanted.file}: look at its list of files")
    if not found:
        raise InputError(f"{name} holds neither {HUB_WEIGHTS} nor {INDEX}: name its weights file, {name}/FILE.safetensors")
    return found[0]


def upload(folder: Path, name: str, private: bool = False) -> str:
    """Commit the files of a folder to ``hf://ORG/NAME``, which is made if it isn't there; the address of the commit.

    Raises
    ------
    InputError
        If this user may not, or the hub can't be reached.
    MissingExtraError
        If huggingface_hub isn't installed.
    """
    repository = check_repository(name)
    from huggingface_hub import HfApi

    with _reached(name):
        api = HfApi(_endpoint())
        api.create_repo(repository, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Upload weights of mwgan").commit_url)


def _endpoint() -> str | None:
    """The server that is asked, as the environment names it now; None of the hub. huggingface_hub looks once, when it is loaded."""
    return os.environ.get("HF_ENDPOINT")


def _check_installed(name: str) -> None:
    if find_spec("huggingface_hub") is None:
        raise MissingExtraError(name, "huggingface_hub", "pip install 'mwgan[hub]', or give a file")
    from huggingface_hub.utils import disable_progress_bars, logging

    logging.set_verbosity_error()  # its warnings are reported in our own sentences
    if not sys.stderr.isatty():
        disable_progress_bars()


@contextmanager
def _reached(name: str) -> Iterator[None]:
    """Report errors of the hub in one sentence each."""
    from huggingface_hub import errors

    wanted = parse_hub_name(name)
    try:
        yield
    except errors.HFValidationError as error:
        raise InputError(f"{name} is no name on a hub ({str(error).splitlines()[0]}): write hf://ORG/NAME") from error
    except errors.GatedRepoError as error:
        raise InputError(f"{wanted.repository} is open to those alone who accepted its terms: do so on its page, then {LOG_IN}") from error
    except errors.RepositoryNotFoundError as error:
        raise InputError(f"the hub shows no repository {wanted.repository}: check the name; if it is private, {LOG_IN} see it") from error
    except errors.RevisionNotFoundError as error:
        raise InputError(f"{wanted.repository} has no revision {wanted.revision}: leave it out, or give a branch, tag or commit") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        remedy = f"{LOG_IN} write there" if status in NO_LEAVE else "try again later"
        raise InputError(f"the hub refused {name} (HTTP status {status}): {remedy}") from error
    except (errors.HTTPError, errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise InputError(f"{name} can't be had, the hub is out of reach: check the network and HF_HUB_OFFLINE, or give a file") from error
