"""The signals that end a program, as far as the system has them: Windows lacks those that SLURM sends."""

from __future__ import annotations

import signal


def there(*names: str) -> tuple[signal.Signals, ...]:
    """The signals of these names that this system has."""
    return tuple(getattr(signal, name) for name in names if hasattr(signal, name))


TIME_IS_UP = there("SIGUSR2")  # SLURM's word ahead of a job's end
BY_KEYBOARD = there("SIGINT", "SIGBREAK")  # Ctrl-C and Windows' Ctrl-Break: every process of the console receives them
STOPS = (*BY_KEYBOARD, *there("SIGTERM", "SIGHUP", "SIGUSR1"), *TIME_IS_UP)
