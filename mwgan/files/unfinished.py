"""Resumable work: files written step by step, with a journal of the finished steps.

Everything is in one folder next to the output, ``.NAME.KEY.partial``, whose key identifies everything that determines the result.
The working process holds a lock, which is released however it ends. Other work under the same name uses another
folder, and removes abandoned ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
import uuid
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from mwgan.errors import InputError
from mwgan.files.atomic import AtomicFiles
from mwgan.files.interruption import undisturbed, uninterrupted
from mwgan.files.json_files import parsed
from mwgan.files.locks import hold
from mwgan.files.outputs import written_to
from mwgan.files.partials import beginning, new_partial, set_report

LOCK, JOURNAL = "lock", "journal"
EVERY_S = 1.0  # between flushes of the data and then the journal to disk: what a power failure can cost
KEY = r"[0-9a-f]{16}"


class Unfinished(AtomicFiles):
    """Files that get their names together like :class:`AtomicFiles`, written by work that can be interrupted and resumed.

    Ctrl-C, SIGTERM and a kill keep the finished steps; any other error removes everything.

    Parameters
    ----------
    path
        The output of the work.
    key
        Text that identifies the result; work with another key is not resumed. None: nothing is resumed.

    Attributes
    ----------
    plan
        What the process that started the work recorded (:meth:`begin`); None if that is this one.
    done
        The entries of the finished steps, in their order.
    stands_at
        Progress, for the message that it is kept.

    Raises
    ------
    InputError
        On entering, if another process does the same work.
    """

    def __init__(self, path: Path, key: str | None) -> None:
        super().__init__()
        self._keeps, self.path = key is not None, path
        self._digest = hashlib.sha256((uuid.uuid4().hex if key is None else key).encode()).hexdigest()[:16]
        self.plan: dict[str, Any] | None = None
        self.done: list[dict[str, Any]] = []
        self.stands_at = "finished parts"
        self._waiting: list[str] = []
        self._written_at = time.monotonic()

    def __enter__(self) -> Unfinished:
        target = written_to(self.path)
        if not target.parent.is_dir():
            raise InputError(f"{self.path} can't be written (there is no folder {target.parent}): choose another place")
        self.folder = target.with_name(f"{beginning(target)}{self._digest}.partial")
        with uninterrupted(), ExitStack() as held:
            held.enter_context(
                _only_one(self.folder, f"{self.path} is being written by another process with the same command: wait for it")
            )
            _remove_others(target, self.folder)
            first, self.done = _read(self.folder / JOURNAL)
            if first is not None and all((self.folder / name).is_file() for name in first["files"]):
                self.plan = first["plan"]
            else:
                self.done = []
                _empty(self.folder)
            self._held = held.pop_all()
        return self

    def add(self, path: Path) -> Path:
        """A temporary name for ``path``, the same for each process that resumes the work."""
        target = written_to(path)
        partial = self.folder / f"{len(self._targets)}-{target.name[-100:]}"
        self._targets[partial] = target
        return partial

    def beside(self, name: str) -> Path:
        """An auxiliary file, which is removed at the end of the work."""
        return self.folder / name

    def begin(self, plan: dict[str, Any]) -> None:
        """Record the plan that all processes resuming the work must follow, once all of its files exist."""
        if self.plan is None:
            self.plan = plan
            self._append([json.dumps({"plan": plan, "files": [partial.name for partial in self._targets if partial.exists()]})])

    def finished(self, entry: dict[str, Any]) -> None:
        """Record a finished step, after its bytes have been written."""
        self.done.append(entry)
        self._waiting.append(json.dumps(entry))
        if time.monotonic() - self._written_at > EVERY_S:
            self._note()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with undisturbed(), self._held:
            if kind is not None and issubclass(kind, KeyboardInterrupt | SystemExit) and self.done and self._keeps:
                set_report(f"{self.stands_at} are kept: the same command resumes there")
                self._note()
                return
            try:
                if kind is None:
                    self._fetch_home()
                    super().__exit__(kind, error, trace)
            finally:
                _empty(self.folder)
                self._held.close()
                shutil.rmtree(self.folder, ignore_errors=True)

    def _fetch_home(self) -> None:
        """Copy files whose target is a link to another disk there, as renaming only works within a disk."""
        for partial, target in list(self._targets.items()):
            if os.stat(partial).st_dev != os.stat(target.parent).st_dev:
                del self._targets[partial]
                self._targets[Path(shutil.copyfile(partial, new_partial(target)))] = target

    def _note(self) -> None:
        if self._waiting:
            for partial in self._targets:
                if partial.exists():
                    with partial.open("r+b") as file:
                        os.fsync(file.fileno())
            self._append(self._waiting)
            self._waiting = []
        self._written_at = time.monotonic()

    def _append(self, lines: list[str]) -> None:
        with (self.folder / JOURNAL).open("ab") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())


def _read(journal: Path) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The plan and the entries; an incomplete last line is cut off."""
    if not journal.exists():
        return None, []
    content = journal.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = [parsed(line) for line in whole.splitlines()]
    except ValueError:  # after a power failure a file may have any content
        return None, []
    if len(whole) < len(content):
        with journal.open("r+b") as file:
            file.truncate(len(whole))
    return (lines[0], lines[1:]) if lines else (None, [])


def _only_one(folder: Path, refusal: str) -> ExitStack:
    """Create ``folder`` if it is missing, and lock it until the stack is closed."""
    while True:
        held = ExitStack()
        try:
            folder.mkdir(exist_ok=True)
        except PermissionError as error:
            raise InputError(
                f"nothing can be written in {folder.parent} ({(error.strerror or str(error)).lower()}): choose another place"
            ) from error
        with suppress(FileNotFoundError):  # the process that held it has ended and removed it meanwhile: try again
            lock, before = folder / LOCK, folder.stat()
            held.enter_context(hold(lock, refusal))
            after = folder.stat()
            if lock.exists() and (before.st_ino, before.st_dev) == (after.st_ino, after.st_dev):
                return held
        held.close()


def _remove_others(target: Path, own: Path) -> None:
    """Remove abandoned work for ``target``."""
    pattern = re.compile(rf"{re.escape(beginning(target))}{KEY}\.partial")
    for name in os.listdir(target.parent):
        folder = target.with_name(name)
        if pattern.fullmatch(name) and folder != own and folder.is_dir():
            with suppress(InputError, OSError), _only_one(folder, "somebody works there"):
                _empty(folder)
                shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    """Remove everything except the lock, which Windows doesn't allow to remove while it is held."""
    for left in folder.iterdir():
        if left.name != LOCK:
            left.unlink(missing_ok=True)
