from __future__ import annotations

import pytest
import torch

from mwgan.errors import InputError
from mwgan.training import warmup_steps

WARMUP, MILESTONES = (0.25, 0.5, 1.0), (20, 28)


def make(rate: float = 4e-4, **options) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    return optimizer, warmup_steps(optimizer, **{"warmup": WARMUP, "milestones": MILESTONES, **options})


def rates(optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler, epochs: int) -> list[float]:
    """The rate of each of the next epochs."""
    drawn = []
    for _ in range(epochs):
        drawn.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return drawn


def test_rates_are_those_of_ding_2019():
    expected = [1e-4, 2e-4] + [4e-4] * 18 + [4e-5] * 8 + [4e-6] * 2
    assert rates(*make(), epochs=30) == pytest.approx(expected)


def test_a_milestone_within_the_warmup_counts_from_there_on():
    assert rates(*make(1.0, warmup=(0.1, 0.2, 0.4), milestones=(1,), gamma=0.5), epochs=4) == pytest.approx([0.1, 0.1, 0.2, 0.5])


def test_without_warmup_or_milestones_the_rate_stays():
    assert rates(*make(1.0, warmup=(), milestones=()), epochs=3) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("done", [1, 2, 20, 25])
def test_a_schedule_goes_on_where_it_was_saved(done):
    straight = rates(*make(), epochs=30)
    optimizer, schedule = make()
    rates(optimizer, schedule, done)
    states = optimizer.state_dict(), schedule.state_dict()
    again, resumed = make()
    again.load_state_dict(states[0])
    resumed.load_state_dict(states[1])
    assert rates(again, resumed, 30 - done) == pytest.approx(straight[done:])


@pytest.mark.parametrize("wrong", [{"warmup": (0.0, 1.0)}, {"warmup": (-0.5,)}, {"milestones": (28, 20)}, {"gamma": 0.0}])
def test_impossible_schedules_are_refused(wrong):
    with pytest.raises(InputError, match="factors above 0, milestones increase"):
        make(**wrong)
