"""This Linux without what macOS lacks, for every Python process that has this folder on its path: an imitation, no macOS.

Processes are spawned, workers can't see who it is that tells them to end, and nothing is said of processors.
"""

import multiprocessing
import os
import signal

CALLS = ("sched_getaffinity", "sched_setaffinity", "posix_fallocate", "getxattr", "setxattr", "listxattr", "copy_file_range", "O_TMPFILE")
CALLS += ("memfd_create", "getresuid", "eventfd", "pidfd_open", "posix_fadvise")

for name in CALLS:
    if hasattr(os, name):
        delattr(os, name)
for name in ("sigwaitinfo", "sigtimedwait"):
    delattr(signal, name)

multiprocessing.set_start_method("spawn")
