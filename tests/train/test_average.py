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
