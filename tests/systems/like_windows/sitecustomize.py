"""This Linux without what Windows lacks, for every Python process that has this folder on its path: an imitation, no Windows.

fork is gone. mwgan finds none of POSIX's modules, signals and calls; other packages find those that they use because they see Linux.
A file that is open can't be renamed, replaced or removed by mwgan, a folder can't be opened, and processes are spawned.
Text is neither written nor read by mwgan without saying in which encoding. Windows' own locks can't be had here: filelock's marker
files stand in.
"""

import builtins
import multiprocessing
import os
import shutil
import sys
import tempfile
import types
import warnings

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "posix", "syslog")
GONE = {
    "signal": (
        *(
            "SIGUSR1",
            "SIGUSR2",
            "SIGHUP",
            "SIGQUIT",
            "SIGALRM",
            "SIGKILL",
            "SIGSTOP",
            "SIGTSTP",
            "SIGCONT",
            "SIGCHLD",
            "SIGPIPE",
            "SIGWINCH",
            "SIG_BLOCK",
            "SIG_SETMASK",
            "SIG_UNBLOCK",
        ),
        *("sigwaitinfo", "sigtimedwait", "sigwait", "pthread_kill", "pthread_sigmask", "alarm", "setitimer", "siginterrupt", "pause"),
    ),
    "os": (
        *("fork", "forkpty", "killpg", "getpgid", "setpgid", "getpgrp", "setsid", "getsid", "getuid", "geteuid", "getgid", "getegid"),
        *("chown", "lchown", "fchown", "fchmod", "mkfifo", "mknod", "uname", "nice", "getpriority", "getloadavg", "sysconf", "statvfs"),
        *("sched_getaffinity", "sched_setaffinity", "sched_yield", "sync", "fdatasync", "posix_fallocate", "posix_fadvise", "getgroups"),
        *("O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "getxattr", "setxattr", "copy_file_range", "memfd_create", "register_at_fork"),
        *("WIFEXITED", "WEXITSTATUS", "WIFSIGNALED", "WTERMSIG", "WNOHANG", "wait", "wait4", "pread", "pwrite", "sendfile"),
    ),
}
HANDS_ON = ("pathlib", "shutil", "contextlib", "tempfile", "os", __name__)  # modules that only do what another asked for

really_import, really_open = builtins.__import__, os.open


class AsOnWindows(types.ModuleType):
    """A module of the standard library as mwgan sees it."""

    def __getattr__(self, name):
        if name in GONE[self.__name__]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        return getattr(sys.modules[self.__name__], name)


seen = {name: AsOnWindows(name) for name in GONE}


def import_what_is_there(name, globals=None, locals=None, fromlist=(), level=0):
    asking = str((globals or {}).get("__name__", "")).partition(".")[0]
    if level == 0 and name in MODULES and asking in ("mwgan", "filelock"):
        raise ImportError(f"No module named {name!r}", name=name)
    found = really_import(name, globals, locals, fromlist, level)
    return seen[name] if level == 0 and name in seen and asking == "mwgan" else found


def from_mwgan():
    """Whether mwgan asked for what is being done."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__") in HANDS_ON:
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "mwgan"


def open_no_folder(path, *arguments, **options):
    if isinstance(path, str | bytes | os.PathLike) and os.path.isdir(path) and from_mwgan():
        raise PermissionError(13, "Permission denied", path)
    return really_open(path, *arguments, **options)


def is_open(path):
    """Whether this process has a file open, or mapped into its memory."""
    name = os.path.realpath(os.fsdecode(path))
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{descriptor}") == name:
                return True
        except OSError:
            continue
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        return any(line.rstrip("\n").endswith(f" {name}") for line in maps)


def unless_open(call):
    def guarded(path, *arguments, **options):
        if from_mwgan() and any(isinstance(one, str | os.PathLike) and is_open(one) for one in (path, *arguments[:1])):
            raise PermissionError(13, "The process cannot access the file because it is being used by another process", path)
        return call(path, *arguments, **options)

    return guarded


def onto_no_folder(call):
    """Windows puts no folder in the place of another, empty or not."""

    def guarded(source, target, *arguments, **options):
        if os.path.isdir(target):
            raise PermissionError(13, "Access is denied", source)
        return call(source, target, *arguments, **options)

    return guarded


del os.fork, os.forkpty
os.open = open_no_folder
os.replace, os.rename = (onto_no_folder(unless_open(call)) for call in (os.replace, os.rename))
os.unlink, os.remove = unless_open(os.unlink), unless_open(os.remove)
shutil._use_fd_functions = False  # it removes folders without opening them
tempfile.TemporaryFile = tempfile.NamedTemporaryFile  # as there: no file loses its name while it is open
multiprocessing.set_start_method("spawn")
warnings.filterwarnings("ignore", category=EncodingWarning)
warnings.filterwarnings("error", category=EncodingWarning, module=r"mwgan(\.|$)")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that it finds no fcntl
    builtins.__import__ = import_what_is_there
    import filelock

filelock.FileLock = filelock.SoftFileLock
