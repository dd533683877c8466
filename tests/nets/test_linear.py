"""The linear head."""

import torch
from torch.nn import functional as F

from compoundeye.nets import Linear


def head(smoothing: float = 0.0) -> Linear:
    torch.manual_seed(0)
    return Linear(5, 4, label_smoothing=smoothing)


ALL = torch.ones(6, dtype=torch.bool)


def test_loss_is_the_sum_of_the_cross_entropies() -> None:
    model, x, targets = head(), torch.randn(6, 5), torch.tensor([0, 3, 1, 1, 2, 0])
    logits = model(x)
    expected = sum(-logits[i].log_softmax(0)[int(target)] for i, target in enumerate(targets))
    torch.testing.assert_close(model.loss(logits, targets, ALL), expected)


def test_unknown_and_unreadable_pictures_count_for_nothing() -> None:
    model, targets = head(0.1), torch.tensor([0, -1, 1, 1, 2, 0])
    logits = torch.randn(6, 4)
    valid = torch.tensor([True, True, False, True, True, True])
    logits[2] = torch.inf  # what an unreadable picture leads to must not reach the loss
    counted = torch.tensor([0, 3, 4, 5])
    expected = model.loss(logits[counted], targets[counted], ALL[:4])
    torch.testing.assert_close(model.loss(logits, targets, valid), expected)


def test_smoothing_is_a_target_of_shares() -> None:
    smooth, sharp = head(0.1), head()
    logits, targets = torch.randn(6, 4), torch.tensor([0, 3, 1, 1, 2, 0])
    shares = F.one_hot(targets, 4) * 0.9 + 0.1 / 4
    torch.testing.assert_close(smooth.loss(logits, targets, ALL), sharp.loss(logits, shares, ALL))


def test_half_precision_logits_give_a_single_precision_loss() -> None:
    logits = torch.randn(6, 4).bfloat16()
    loss = head().loss(logits, torch.tensor([0, 3, 1, 1, 2, 0]), ALL)
    assert loss.dtype == torch.float32


def test_a_head_that_starts_at_zero_finds_every_class_as_likely() -> None:
    model = Linear(5, 4, zero=True)
    assert not model(torch.randn(3, 5)).any()
