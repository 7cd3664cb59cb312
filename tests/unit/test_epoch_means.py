from __future__ import annotations

import torch

from mwgan.training.epoch_means import EpochMeans


def test_means_weigh_batches_by_their_images_and_go_on_where_they_were():
    whole, first, rest = EpochMeans(), EpochMeans(), EpochMeans()
    assert whole.means() == whole.state_dict(torch.clone) == {}
    for means in (whole, first):
        means.add({"loss": torch.tensor(1.0), "score": torch.tensor(4.0)}, 3)
    rest.load_state_dict(first.state_dict(torch.clone))
    for means in (whole, rest):
        means.add({"loss": torch.tensor(5.0)}, 1)
    assert whole.means() == rest.means() == {"loss": torch.tensor(2.0), "score": torch.tensor(4.0)}
    whole.reset()
    assert whole.means() == {}


def test_processes_go_on_from_the_mean_of_their_sums():
    """The mean over processes of what each then says is that of processes that were never stopped."""
    pair = [EpochMeans(), EpochMeans()]
    for means, loss in zip(pair, (1.0, 3.0), strict=True):
        means.add({"loss": torch.tensor(loss)}, 2)
    between = pair[0].state_dict(lambda sums: torch.stack([sums, torch.tensor([6.0])]).mean(dim=0))
    for means, loss in zip(pair, (5.0, 9.0), strict=True):
        means.load_state_dict(between)
        means.add({"loss": torch.tensor(loss)}, 2)
    assert sum(means.means()["loss"] for means in pair) / 2 == (1 + 3 + 5 + 9) / 4
