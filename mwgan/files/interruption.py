"""Signals that end a program: it unwinds, leaves no half-written file, and its exit code is 128 and the signal's number.

An exception raised by a signal is lost wherever Python can't hand it on: in what LLVM calls back while numba loads a kernel,
in destructors. In the middle of an import it can end the process on the spot, where C++ meets an exception that it doesn't
expect. So a signal is put off there, and repeated until the program ends.
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

from mwgan.files.partials import drop_all, what_is_left
from mwgan.signals import there

STOPS = there("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
NOT_IN = ("importlib", "_frozen_importlib", "_frozen_importlib_external", "llvmlite")  # where an exception out of nowhere is lost
SOON_S = 0.05  # from a signal that was put off to the next time it is tried
PATIENCE_S = 3.0  # for unwinding, before the signal is taken for lost


class _State:
    told = 0  # the signal that the program was told to end by
    held = 0  # how many are in :func:`uninterrupted`
    raised_at = 0.0
    outermost: FrameType | None = None


@contextmanager
def ended_by_signals(kept: str | None = None) -> Iterator[None]:
    """For a program's ``main``: Ctrl-C, SIGTERM and SIGHUP (where there is one) end what is inside, and it says so.

    What becomes of its work it says by ``kept``; None looks at what it was writing, and an empty text leaves all of it unsaid.

    Signals that are ignored stay so, as under nohup. Outside of the main thread, where Python hears none, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listened = {number: signal.getsignal(number) for number in STOPS if signal.getsignal(number) not in (signal.SIG_IGN, None)}
    over = threading.Event()
    repeater = threading.Thread(target=_repeat, args=(over,), daemon=True)
    _State.told, _State.raised_at, _State.outermost = 0, 0.0, sys._getframe()
    for number in listened:
        signal.signal(number, _heard)
    repeater.start()
    try:
        yield
    finally:
        _State.held += 1
        over.set()
        repeater.join()
        drop_all()
        for number, handler in listened.items():
            signal.signal(number, handler)
        told, _State.told, _State.outermost, _State.held = _State.told, 0, None, 0
        if told:
            name = "interrupted" if told == signal.SIGINT else f"ended by {signal.Signals(told).name}"
            with contextlib.suppress(OSError, ValueError):  # the terminal may be gone
                if said := what_is_left() if kept is None else kept:
                    print(f"{name}: {said}", file=sys.stderr, flush=True)
            sys.exit(128 + told)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What is inside is done wholly or not at all: a signal is acted on before it or after it."""
    _act()
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
    _act()


def hears(handler: object) -> bool:
    """Whether a signal's handler is that of :func:`ended_by_signals`."""
    return handler is _heard


@contextmanager
def undisturbed() -> Iterator[None]:
    """What is inside is done on the way out: the signal that may have led there, and any other, is acted on after it at the earliest."""
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1


def _heard(number: int, frame: FrameType | None) -> None:
    _State.told = _State.told or number
    if not _State.held and not _would_be_lost(frame):
        _act()


def _act() -> None:
    """End the program if it was told to."""
    if _State.told:
        _State.raised_at = time.monotonic()
        raise KeyboardInterrupt if _State.told == signal.SIGINT else SystemExit(128 + _State.told)


def _would_be_lost(frame: FrameType | None) -> bool:
    while frame is not None and frame is not _State.outermost:
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in NOT_IN:
            return True
        frame = frame.f_back
    return False


def _repeat(over: threading.Event) -> None:
    """Send the main thread its signal again, while it has not ended by it."""
    main = threading.main_thread().ident
    while not over.wait(SOON_S):
        if not _State.told or (_State.raised_at and time.monotonic() - _State.raised_at < PATIENCE_S):
            continue
        if hasattr(signal, "pthread_kill") and main is not None:
            signal.pthread_kill(main, _State.told)  # which wakes it where it waits
        else:
            signal.raise_signal(_State.told)
