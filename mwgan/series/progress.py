"""Progress, speed and remaining time of a reconstruction."""

from __future__ import annotations

import time
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 30.0  # without a terminal: keeps the log of a long run short


class SliceProgress:
    """Reports finished slices: a bar on a terminal, otherwise a line from time to time.

    Parameters
    ----------
    total
        Number of slices.
    before
        Slices finished by an earlier process, which don't count for this one's speed.
    """

    def __init__(self, total: int, before: int = 0) -> None:
        self.total, self.before, self.done = total, before, before
        self._console = Console()
        columns = (TextColumn("slices"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=self._console) if self._console.is_terminal else None

    def __enter__(self) -> SliceProgress:
        self._began = self._told = time.monotonic()
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("slices", total=self.total, completed=self.before, rate="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def reached(self, done: int) -> None:
        """Report the number of finished slices."""
        self.done = done
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, rate=self.rate(now))
        elif now - self._told > LINE_EVERY_S:
            self._told = now
            print(self.line(now), flush=True)

    def rate(self, now: float) -> str:
        """Slices per second, or seconds per slice."""
        seconds = max(now - self._began, 1e-9) / max(1, self.done - self.before)
        return f"{1 / seconds:.1f} a second" if seconds < 1 else f"{seconds:.1f} s each"

    def line(self, now: float) -> str:
        """``slices 32 of 96, 1.3 a second, 0:00:48 left``."""
        left = (now - self._began) / max(1, self.done - self.before) * (self.total - self.done)
        return f"slices {self.done} of {self.total}, {self.rate(now)}, {timedelta(seconds=round(left))} left"
