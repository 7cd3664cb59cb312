"""Unexpected errors: one sentence for the user, and the full traceback in a file for a bug report."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import NoReturn

SHOW = "MWGAN_TRACEBACK"  # environment variable, for developers


def end_unexpected(error: BaseException) -> NoReturn:
    """Write the traceback of an error to a file, print one sentence, and exit with code 1."""
    text = "".join(traceback.format_exception(error))
    if os.environ.get(SHOW):
        print(text, file=sys.stderr)
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="mwgan-error-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write(f"{' '.join(sys.argv)}\n\n{text}")
        where = f"the full traceback is in {file.name}, please send it with a bug report"
    except OSError:
        where = f"{SHOW}=1 shows the full traceback, please send it with a bug report"
    print(f"error: unexpected error in mwgan ({what}): {where}", file=sys.stderr)
    sys.exit(1)
