"""Fine-tuning of networks on the series that they are to reconstruct: ``mwgan reconstruct --tune``."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mwgan.errors import InputError
from mwgan.files.weights import read_weights, save_weights
from mwgan.geometry import Measurement
from mwgan.io.volumes import split_name
from mwgan.recon import Auto, LearnedReconstructor, Reconstructor, load_network
from mwgan.recon.fine_tune import fine_tune
from mwgan.recon.inner_method import change_inner_method
from mwgan.recon.named import networks_in
from mwgan.series.choice import slices_spread
from mwgan.series.measured import Series
from mwgan.series.slice_grid import SliceGrid

TUNED = "tuned"  # a key in the record of a weights file


def tuned_files(reconstructor: Reconstructor, output: Path) -> list[Path]:
    """The paths of the tuned weights of a method's networks: ``needle.lpd_guided.safetensors`` for ``needle.mrc``.

    Raises
    ------
    InputError
        If the method has no network.
    """
    networks = networks_in(reconstructor)
    if not networks:
        raise InputError("--tune fine-tunes a network on the series, and this method has none: leave it out, or take auto or lpd_guided")
    return [output.with_name(f"{split_name(output)[0]}.{Path(network.name).stem}.safetensors") for network in networks]


def fine_tune_networks(
    reconstructor: Reconstructor,
    series: Series,
    grid: SliceGrid,
    output: Path,
    identity: str,
    device: str = "cpu",
    say: Callable[[str], None] = lambda sentence: None,
) -> Reconstructor:
    """The method with its networks fine-tuned on a few slices of a series.

    The weights of each network are written next to the volume as soon as it is tuned, and reused if the same command is repeated.

    Parameters
    ----------
    reconstructor
        A method with networks, for data in any units.
    series, grid, device
        The series to reconstruct, its slice grid, and the device.
    output
        The volume.
    identity
        Identity of the volume.
    say
        Called with a sentence on the result for each network.

    Raises
    ------
    InputError
        If the method has no network.
    """
    files = dict(zip(networks_in(reconstructor), tuned_files(reconstructor, output), strict=True))
    digest = hashlib.sha256(identity.encode()).hexdigest()

    def tune(inside: Reconstructor, seen: Sequence[Measurement]) -> Reconstructor:
        if isinstance(inside, LearnedReconstructor):
            return _tuned(inside, _together(seen), files[inside], digest, device, say)
        if not isinstance(inside, Auto):
            return inside
        mixture = copy.copy(inside)
        mixture.networks = [_tuned(network, _together(seen), files[network], digest, device, say) for network in inside.networks]
        return mixture

    return change_inner_method(reconstructor, slices_spread(reconstructor, series, grid, device), tune)


def tuned_of(reconstructor: Reconstructor) -> list[dict[str, Any]]:
    """The results of tuning for each tuned network of a method, as plain values."""
    return [network.record.others[TUNED] for network in networks_in(reconstructor) if TUNED in network.record.others]


def _tuned(
    network: LearnedReconstructor, seen: Measurement, path: Path, digest: str, device: str, say: Callable[[str], None]
) -> LearnedReconstructor:
    """The network from a weights file that was tuned on the same data; else it is tuned now and written there."""
    result = _of_file(path)
    if result is None or result["identity"] != digest:
        say(f"{network.name}: fine-tuning on {len(seen.sinogram)} slices, which takes minutes")
        found = fine_tune(network, seen)
        result = {
            "of": network.name,
            "identity": digest,
            "steps": found.steps,
            "before": _plain(found.before),
            "after": _plain(found.after),
        }
        record = replace(found.network.record, others={**found.network.record.others, TUNED: result})
        save_weights(path, found.network.generator.state_dict(), record)
    say(_sentence(result))
    tuned = load_network(path, device, allow=_packages(network))  # read back: a resumed run has the same half-precision weights
    tuned.name = network.name
    return tuned


def _packages(network: LearnedReconstructor) -> list[str]:
    """Packages whose classes the network already uses."""
    return sorted({str(node["_target_"]).partition(".")[0] for node in (network.record.generator, network.record.task)})


def _of_file(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        result = read_weights(path)[0].others.get(TUNED)
    except InputError:  # another file, which is overwritten
        return None
    return result if isinstance(result, dict) and {"identity", "of", "steps", "before", "after"} <= result.keys() else None


def _sentence(result: dict[str, Any]) -> str:
    if result["before"] is None:
        return f"{result['of']} was not tuned: too few tilts to keep any out"
    before, after = 100 * result["before"], 100 * result["after"]
    if not result["steps"]:
        return f"{result['of']} was not changed: tuning did not bring the residual on kept-out tilts below {before:.2f} %"
    return f"{result['of']} was tuned in {result['steps']} steps: residual on kept-out tilts {before:.2f} % before, {after:.2f} % after"


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value


def _together(seen: Sequence[Measurement]) -> Measurement:
    """Slices of a series as a batch."""
    first = seen[0]
    same = all(torch.equal(one.measured, first.measured) for one in seen)
    measured = first.measured if same else torch.cat([one.mask.expand_as(one.sinogram) for one in seen])
    beside = [one.neighbours for one in seen]
    neighbours = torch.cat([one for one in beside if one is not None]) if None not in beside else None
    return Measurement(torch.cat([one.sinogram for one in seen]), measured, first.geometry, neighbours)
