"""Signals that end a program: it unwinds, leaves no half-written file, and its exit code is 128 plus the signal's number.

An exception raised by a signal handler is lost where Python can't propagate it: in LLVM's callbacks while numba loads a kernel,
and in destructors. During an import it can abort the process, where C++ code doesn't expect it. So a signal is deferred
there, and repeated until the program ends.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mwgan.files.partials import drop_all, take_report
from mwgan.signals import there

STOPS = there("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
NOT_IN = ("importlib", "_frozen_importlib", "_frozen_importlib_external", "llvmlite")  # here exceptions from handlers get lost
SOON_S = 0.05  # before a deferred signal is tried again
PATIENCE_S = 3.0  # for unwinding, before the signal is assumed lost


class _State:
    received = 0  # the signal that ends the program
    held = 0  # nesting depth of :func:`uninterrupted`
    raised_at = 0.0
    outermost: FrameType | None = None


@contextmanager
def ended_by_signals(kept: str | None = None) -> Iterator[None]:
    """Context for a program's ``main``: Ctrl-C, SIGTERM and SIGHUP (where it exists) end the program with a message.

    The message includes ``kept``, what is kept of the work; None derives it from the unfinished files, and an empty text suppresses
    the message.

    Ignored signals stay ignored, as under nohup. Outside of the main thread, where Python handles no signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listened = {number: signal.getsignal(number) for number in STOPS if signal.getsignal(number) not in (signal.SIG_IGN, None)}
    over = threading.Event()
    repeater = threading.Thread(target=_repeat, args=(over,), daemon=True)
    _State.received, _State.raised_at, _State.outermost = 0, 0.0, sys._getframe()
    for number in listened:
        signal.signal(number, _handle)
    repeater.start()
    try:
        yield
    finally:
        _State.held += 1
        over.set()
        repeater.join()
        drop_all()
        for listened_to, handler in listened.items():
            signal.signal(listened_to, handler)
        received, _State.received, _State.outermost, _State.held = _State.received, 0, None, 0
        if received:
            name = "interrupted" if received == signal.SIGINT else f"ended by {signal.Signals(received).name}"
            with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                if said := take_report() if kept is None else kept:
                    print(f"{name}: {said}", file=sys.stderr, flush=True)
            sys.exit(128 + received)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Context that signals don't interrupt: they take effect before or after it."""
    _act()
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
    _act()


def is_our_handler(handler: object) -> bool:
    """Whether ``handler`` is that of :func:`ended_by_signals`."""
    return handler is _handle


@contextmanager
def undisturbed() -> Iterator[None]:
    """Context for cleaning up while unwinding: signals, including the one that caused it, take effect only after it."""
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1


def _handle(number: int, frame: FrameType | None) -> None:
    _State.received = _State.received or number
    if not _State.held and not _would_be_lost(frame):
        _act()


def _act() -> None:
    """End the program if a signal was received."""
    if _State.received:
        _State.raised_at = time.monotonic()
        raise KeyboardInterrupt if _State.received == signal.SIGINT else SystemExit(128 + _State.received)


def _would_be_lost(frame: FrameType | None) -> bool:
    while frame is not None and frame is not _State.outermost:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in NOT_IN:
            return True
        frame = frame.f_back
    return False


def _repeat(over: threading.Event) -> None:
    """Send the main thread its signal again until it ends."""
    main = threading.main_thread().ident
    while not over.wait(SOON_S):
        if not _State.received or (_State.raised_at and time.monotonic() - _State.raised_at < PATIENCE_S):
            continue
        if hasattr(signal, "pthread_kill") and main is not None:
            signal.pthread_kill(main, _State.received)  # wakes it from blocking calls
        else:
            signal.raise_signal(_State.received)
