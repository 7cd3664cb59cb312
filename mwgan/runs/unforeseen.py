"""What nobody has foreseen: one sentence for whoever typed the command, the whole traceback in a file for whoever mends it."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import NoReturn

SHOW = "MWGAN_TRACEBACK"  # in the environment: for those who develop


def end_unforeseen(error: BaseException) -> NoReturn:
    """Write the traceback of an error into a file, say so in one sentence, and exit with code 1."""
    told = "".join(traceback.format_exception(error))
    if os.environ.get(SHOW):
        print(told, file=sys.stderr)
    what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    try:
        with tempfile.NamedTemporaryFile("w", prefix="mwgan-error-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write(f"{' '.join(sys.argv)}\n\n{told}")
        where = f"the whole traceback is in {file.name}, please send it with a report"
    except OSError:
        where = f"{SHOW}=1 shows the whole traceback, please send it with a report"
    print(f"error: mwgan has a fault here ({what}): {where}", file=sys.stderr)
    sys.exit(1)
