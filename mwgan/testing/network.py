"""Whether a generator can be trained and used: with the task that says what it sees and gives."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon.task import RestoreWBP, Task
from mwgan.testing.specimen import measurement, specimen
from mwgan.testing.subject import Subject

WEDGES = (30.0, 60.0, 90.0)


def check_network(
    network: nn.Module,
    task: Task | None = None,
    sizes: Iterable[int] = (32, 33),
    step_deg: float = 5.0,
    all_trained: bool = True,
    device: torch.device | str = "cpu",
    tolerance: float = 1e-3,
) -> None:
    """Raise an AssertionError, in one sentence, unless ``network`` can be trained and used as a generator of ``task``.

    Its output has the shape of the task's target, for even and odd sizes; in use each slice has the same result regardless of the others,
    the second time too, and nothing of the network changes; its input stays as it was; in training every weight gets a finite
    gradient; it follows to another precision and so to another device; its weights travel in its ``state_dict``.
    The network itself is left as it was.

    Parameters
    ----------
    network
        A generator: what ``task.see`` gives to what ``task.target`` gives.
    task
        What it sees and gives; by default :class:`~mwgan.recon.RestoreWBP`, (B, 1, N, N) to (B, 1, N, N).
    sizes
        Sizes N of the slices, even and odd.
    step_deg
        Step of the tilts.
    all_trained
        Whether each weight that asks for a gradient gets one from every batch. Several GPUs need that.
    device
        Where to check it.
    tolerance
        Largest difference between results that should be the same, as a share of the largest value.
    """
    subject = Subject(network)
    if not isinstance(network, nn.Module):
        raise AssertionError(f"{subject.name} is no torch.nn.Module")
    task = task or RestoreWBP()
    network = copy.deepcopy(network).to(device)
    for size in sizes:
        image, geometry = specimen(size, device=device), TiltGeometry.full(size, step_deg)
        given = measurement(image, geometry, torch.tensor(WEDGES))
        case = f"what {type(task).__name__} shows of slices of {size} x {size} pixels"
        _check_use(subject, network.eval(), task, given, image, case, tolerance)
        _check_training(subject, network, task, given, image, case, all_trained)
        _check_state(subject, network.eval(), task, given, case)
        _check_double(subject, network, task, given, case)


def _check_use(subject: Subject, network: nn.Module, task: Task, given: Measurement, image: Tensor, case: str, tolerance: float) -> None:
    state = {key: value.clone() for key, value in network.state_dict().items()}
    seen, target = task.see(given), task.target(image, given)
    before = _values(seen).clone()
    with torch.no_grad():
        output = subject.tensor(subject.ask(network, seen, of=case), tuple(target.shape), target, case).clone()
        subject.require(torch.equal(before, _values(seen)), f"writes into what it is given: work on a copy ({case})")
        subject.tensor(task.condition(seen), tuple(target.shape), target, f"{case}, as the condition of its task")
        subject.agree(
            subject.ask(network, seen, of=case), output, 1e-5, "gives another result the second time (mind what is random in eval())"
        )
        for number in (0, 2):
            alone = task.see(given.samples(torch.tensor([number])))
            found = subject.ask(network, alone, of=f"one slice of {case}")
            subject.agree(found, output[number : number + 1], tolerance, "gives a slice another result alone than beside others in a batch")
        subject.tensor(task.tomogram(output, given), tuple(image.shape), image, f"{case}, as the tomogram of its task")
    changed = [key for key, value in network.state_dict().items() if not torch.equal(value, state[key])]
    subject.require(not changed, f"changes {', '.join(changed)} while it is used (eval())")


def _check_training(
    subject: Subject, network: nn.Module, task: Task, given: Measurement, image: Tensor, case: str, all_trained: bool
) -> None:
    trained = copy.deepcopy(network).train()
    output = subject.ask(trained, task.see(given), of=f"{case}, in training")
    subject.require(output.requires_grad, "gives an output that no gradient reaches in training")
    (output - task.target(image, given)).square().mean().backward()
    weights = {name: weight for name, weight in trained.named_parameters() if weight.requires_grad}
    subject.require(bool(weights), "has no weights to train")
    without = [name for name, weight in weights.items() if weight.grad is None]
    subject.require(
        not (without and all_trained), f"gives no gradient to {', '.join(without[:5])}: leave out what isn't used, or say all_trained=False"
    )
    broken = [name for name, weight in weights.items() if weight.grad is not None and not bool(weight.grad.isfinite().all())]
    subject.require(not broken, f"gives gradients that are not finite to {', '.join(broken[:5])}")


def _check_state(subject: Subject, network: nn.Module, task: Task, given: Measurement, case: str) -> None:
    """A network of other weights that loads the state gives the same output."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        for weight in other.parameters():
            weight.add_(1)
        other.load_state_dict(network.state_dict())
        seen = task.see(given)
        subject.agree(subject.ask(other, seen, of=case), network(seen), 1e-5, "does not come back from its state_dict")


def _check_double(subject: Subject, network: nn.Module, task: Task, given: Measurement, case: str) -> None:
    """Another precision finds what another device would: tensors that the module doesn't know of stay behind."""
    double = copy.deepcopy(network).double()
    exact = Measurement(given.sinogram.double(), given.measured, given.geometry)
    with torch.no_grad():
        single = network(task.see(given))
        found: Any = subject.ask(
            double, task.see(exact), of=f"{case}, all of it moved to float64 (register its tensors as parameters or buffers)"
        )
        subject.tensor(found, tuple(single.shape), exact.sinogram, f"{case}, all of it moved to float64")
        subject.agree(found.to(single), single, 0.01, "gives another result once it is moved to float64")


def _values(seen: Tensor | Measurement) -> Tensor:
    return seen.sinogram if isinstance(seen, Measurement) else seen
