"""``mwgan demo``: train, compare, draw figures and reconstruct a scanned series, with the user's own commands."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mwgan.errors import InputError
from mwgan.paths import samples_dir
from mwgan.runs.options import quoted

MODULES = {"mwgan-train": "train", "mwgan-evaluate": "evaluate", "mwgan-figures": "figures", "mwgan": "main"}


@dataclass(frozen=True)
class Step:
    """A group of commands, each a program and its arguments."""

    title: str
    cpu_minutes: float
    commands: tuple[tuple[str, ...], ...]


def demo(folder: Path) -> None:
    """Run every step with its files in a new ``folder``; each command is printed as a user would type it.

    Raises
    ------
    InputError
        If ``folder`` isn't empty.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists already: remove it, or give another folder (-o)")
    steps = _steps(folder)
    print(f"{len(steps)} steps, about {sum(step.cpu_minutes for step in steps):g} CPU minutes in all", flush=True)
    for number, step in enumerate(steps, start=1):
        print(f"\n{number}/{len(steps)} {step.title} (about {step.cpu_minutes:g} CPU minutes)", flush=True)
        for program, *arguments in step.commands:
            print("$", program, *(f'"{argument}"' if set(argument) & set(" '{[") else argument for argument in arguments), flush=True)
            status = subprocess.run([sys.executable, "-m", f"mwgan.cli.{MODULES[program]}", *arguments], check=False).returncode
            if status:  # the command has printed the reason
                sys.exit(status if status > 0 else 128 - status)
    print(_where_to_look(folder))


def _steps(folder: Path) -> list[Step]:
    pixel, adversarial, table = folder / "pixel", folder / "adversarial", folder / "results"
    networks = f"irdm_pixel: {quoted(pixel)}, irdm: {quoted(adversarial)}, irdm_pixel_shipped: irdm_pixel, lpd_shipped: lpd"
    series = (str(samples_dir() / "needle.mrc"), "--tilts", str(samples_dir() / "needle.tlt"), "--axis-offset", "0.25")
    narrow = ("--max-tilt", "50", "--output")
    return [
        Step(
            "fine-tuning a shipped U-Net++, trained on faces only, for textured specimens, on the pixel loss",
            2.5,
            (("mwgan-train", "experiment=demo/pixel", f"paths.run_dir={quoted(pixel)}"),),
        ),
        Step(
            "continuing with a discriminator, to see what the adversarial loss changes",
            2,
            (("mwgan-train", "experiment=demo/adversarial", f"init={quoted(pixel)}", f"paths.run_dir={quoted(adversarial)}"),),
        ),
        Step(
            "comparing on unseen specimens with the shipped networks and with WBP, SART and TVM tuned for each wedge",
            2,
            (("mwgan-evaluate", "experiment=demo/evaluate", f"table={quoted(table)}", f"checkpoints={{{networks}}}"),),
        ),
        Step("drawing figures", 0.5, (("mwgan-figures", f"table={quoted(table)}", "wedges_deg=[40,60,80]"),)),
        Step(
            "reconstructing a scanned needle from tilts of ±50 degrees, with TVM and with a shipped network",
            1,
            (
                ("mwgan", "reconstruct", *series, "--method", "tvm", *narrow, str(folder / "needle_tvm.mrc")),
                ("mwgan", "reconstruct", *series, "--method", "lpd", *narrow, str(folder / "needle_lpd.mrc")),
            ),
        ),
        Step(
            "one slice of the needle with every method, from more and from fewer tilts",
            0.5,
            (
                (
                    *("mwgan", "compare", *series, "--slice", "56", "--max-tilts", "76,50"),
                    *("--methods", "wbp,sart,tvm,irdm_pixel,lpd", "--output", str(folder / "needle.png")),
                ),
            ),
        ),
    ]


def _where_to_look(folder: Path) -> str:
    return f"""
Where to look, in {folder}:
  comparison_panel.png   an unseen specimen, by every method, wedges of 40, 60 and 80 degrees
  nrmse_by_wedge.png     the error of each method as the wedge grows
  results.csv            all numbers; results.tuning.csv: the tuned settings of the classical methods
  needle.png             the scanned needle; needle_tvm.mrc and needle_lpd.mrc: the whole volumes
  pixel/panels           what the network learned, epoch by epoch; tensorboard --logdir {folder}"""
