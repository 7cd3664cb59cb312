"""A SLURM cluster of two nodes on this one machine, for as long as the tests run: daemons, sockets and files in a folder of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

NODES = ("one", "two")  # of two CPUs each, whatever the machine has
TEMPLATE = Path(__file__).with_name("slurm.conf.in")
DAEMONS = ("munged", "slurmctld", "slurmd")


class Cluster:
    """What tests ask of SLURM."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def message(self, *command: str) -> str:
        """What one of SLURM's commands prints."""
        done = subprocess.run(
            [str(part) for part in command], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fields(self, job: str) -> dict[str, str]:
        """What SLURM knows of a job."""
        return dict(field.partition("=")[::2] for field in self.message("scontrol", "--oneliner", "show", "job", job).split())

    def state(self, job: str) -> str:
        return self.fields(job)["JobState"]

    def wait(self, what: str, until: Callable[[], bool], seconds: float = 120) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
            time.sleep(0.2)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    missing = [name for name in DAEMONS if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        pytest.fail("these tests start SLURM's daemons: run make test-cluster as root on Debian, which installs them")
    folder = Path(tempfile.mkdtemp(prefix="mwgan-slurm-"))
    folder.chmod(0o755)  # or munge takes no socket in it for safe
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "OMP_NUM_THREADS": "1"}
    running: list[subprocess.Popen[bytes]] = []
    try:
        for command in _commands(folder):
            running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            if command[0] == "munged":
                _wait_for(folder / "munge.socket", running[0])
        started = Cluster(environment)
        started.wait("nodes that are up", lambda: _up(environment) == len(NODES), 60)
        yield started
        subprocess.run(["scancel", "--user=root"], env=environment, check=False)
        started.wait("the jobs' end", lambda: not started.message("squeue", "--noheader"), 60)
    finally:
        for process in reversed(running):
            process.terminate()
        for process in reversed(running):
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder)


def _commands(folder: Path) -> list[list[str]]:
    """The daemons in the foreground, in the order of their start, with what they read."""
    for name in ("state", *NODES):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    controller, first, second = _free_ports(3)
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    host = socket.gethostname().split(".")[0]
    filled = TEMPLATE.read_text().format(
        folder=folder, controller_port=controller, first_port=first, second_port=second, host=host, memory_mb=memory_mb
    )
    (folder / "slurm.conf").write_text(filled)
    kept = {"key": key, "socket": folder / "munge.socket", "pid": "munged.pid", "log": "munged.log", "seed": "munged.seed"}
    named = [f"--{'socket' if name == 'socket' else f'{name}-file'}={folder / file}" for name, file in kept.items()]
    return [["munged", "--foreground", "--force", *named], ["slurmctld", "-D"], *(["slurmd", "-D", "-N", name] for name in NODES)]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def _wait_for(file: Path, process: subprocess.Popen[bytes]) -> None:
    while not file.exists():
        assert process.poll() is None, f"{process.args} ended at once"
        time.sleep(0.1)


def _up(environment: dict[str, str]) -> int:
    """How many nodes wait for jobs; none while nobody answers."""
    command = ["sinfo", "--noheader", "--partition=main", "--Node", "--format=%T"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.split().count("idle")
