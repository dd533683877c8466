"""Averaged weights."""

import torch
from torch import nn

from compoundeye.train._average import Average


def test_the_mean_is_applied_within_the_block_and_gone_after_it() -> None:
    model = nn.Linear(3, 2)
    average = Average(model, 0.5)
    first = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1
    average.update()  # decay of the first update: 2 / 11
    with average.applied():
        torch.testing.assert_close(model.weight.detach(), first + 9 / 11)
    torch.testing.assert_close(model.weight.detach(), first + 1)


def test_it_goes_on_from_its_state() -> None:
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    average, copy = Average(model, 0.9), Average(other, 0.9)
    average.update()
    copy.load_state_dict(average.state_dict())
    with average.applied(), copy.applied():
        torch.testing.assert_close(model.weight, other.weight)
    assert copy.updates == 1


def test_what_does_not_learn_is_not_averaged() -> None:
    model = nn.Linear(3, 2)
    model.bias.requires_grad_(False)
    assert set(Average(model, 0.9).state_dict()["mean"]) == {"weight"}


def test_statistics_of_batch_norms_are_averaged_with_the_weights() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = Average(model, 0.5)
    model(torch.randn(8, 3) + 5)
    average.update()
    now = model[1].running_mean.clone()
    with average.applied():
        torch.testing.assert_close(model[1].running_mean, now * 9 / 11)  # they began at zero
    torch.testing.assert_close(model[1].running_mean, now)
    assert "1.num_batches_tracked" not in average.state_dict()["mean"]
