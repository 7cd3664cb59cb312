"""Stop signals: noted when they arrive, acted on between two batches, where a checkpoint can be written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from mwgan.files.interruption import is_our_handler
from mwgan.signals import STOPS


class Stopped(Exception):
    """Training was stopped by the signal ``number``, and has written its checkpoint."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.number = number


class StopSignals:
    """Notes the signals that end a run, instead of letting them interrupt a step.

    A handler that was set before, such as submitit's that requeues a job in SLURM, is called afterwards and has the last word.
    Lightning's own for SIGTERM is not called: it exits without a checkpoint and waits for the other processes in the handler.
    """

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, Any] = {}
        self._theirs: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def remember(self) -> None:
        """Remember the handlers that were set before Lightning's."""
        for number in STOPS:
            handler = signal.getsignal(number)
            if callable(handler) and handler is not signal.default_int_handler and not is_our_handler(handler):
                self._theirs[number] = handler

    def listen(self) -> None:
        """Note the signals from now on, where Python lets us: in the main thread. Ignored ones stay ignored."""
        if threading.current_thread() is threading.main_thread():
            for number in STOPS:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.received == number:
            raise KeyboardInterrupt  # second Ctrl-C: stop now, without a checkpoint
        self.received = number

    def passed_on(self, number: int) -> bool:
        """Call the handler that was set before, if any, and keep listening if it returns."""
        if number not in self._theirs:
            return False
        self.received = 0
        self._theirs[number](number, None)
        return True

    def leave(self) -> None:
        """Restore the handlers from before :meth:`listen`, unless Lightning has restored its own predecessors already."""
        while self._before:
            number, handler = self._before.popitem()
            if signal.getsignal(number) == self._note:
                signal.signal(number, handler)
