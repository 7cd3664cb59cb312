"""Being told to end, noted when it happens and acted on between two batches, where a checkpoint can be written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from mwgan.files.interruption import hears
from mwgan.signals import STOPS


class Stopped(Exception):
    """Training was told to end by the signal ``number``, and has written its checkpoint."""

    def __init__(self, number: int) -> None:
        super().__init__(f"told to end by signal {number}")
        self.number = number


class StopSignals:
    """Notes the signals that end a run, instead of what they would have done in the middle of a step.

    A handler of somebody else, such as submitit's that hands a job back to SLURM, is called afterwards and has the last word.
    Lightning's own for SIGTERM is not: it leaves without a checkpoint and waits for the other processes in the handler.
    """

    def __init__(self) -> None:
        self.told = 0
        self._before: dict[int, Any] = {}
        self._theirs: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def remember(self) -> None:
        """Take note of the handlers that are there before Lightning's."""
        for number in STOPS:
            handler = signal.getsignal(number)
            if callable(handler) and handler is not signal.default_int_handler and not hears(handler):
                self._theirs[number] = handler

    def listen(self) -> None:
        """Note the signals from now on, where Python lets us: in the main thread. Ignored ones stay ignored."""
        if threading.current_thread() is threading.main_thread():
            for number in STOPS:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.told == number:
            raise KeyboardInterrupt  # asked for a second time: now, without a checkpoint
        self.told = number

    def answered(self, number: int) -> bool:
        """Call the handler that was there before, if any, and listen on if it returns."""
        if number not in self._theirs:
            return False
        self.told = 0
        self._theirs[number](number, None)
        return True

    def leave(self) -> None:
        """Set the handlers that were there before :meth:`listen`, where Lightning hasn't set those before its own already."""
        while self._before:
            number, handler = self._before.popitem()
            if signal.getsignal(number) == self._note:
                signal.signal(number, handler)
