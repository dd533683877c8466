"""Which parameters an optimiser decays, and which it leaves to another."""

import pytest
import torch
from torch import nn

from compoundeye.nets import MarginSoftmax, SampledSGD, ViT, ViTConfig
from compoundeye.train._optimiser import optimisers, set_rate
from compoundeye.train._settings import Optimiser


class Whole(nn.Module):
    """A backbone with experts, and a head."""

    def __init__(self, rate: float = 1.0) -> None:
        super().__init__()
        config = ViTConfig(width=16, depth=2, heads=2, image=8, patch=4, experts=2, registers=1)
        self.backbone = ViT(config)
        self.head = MarginSoftmax(16, 10, rate=rate)


def named(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, float]:
    """Weight decay of each parameter that the optimiser updates, by name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {names[id(p)]: group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}


@pytest.mark.parametrize("kind", ["sgd", "adamw", "muon"])
@pytest.mark.parametrize("rate", [1.0, 0.5])
def test_each_parameter_has_one_optimiser_and_only_matrices_decay(kind: str, rate: float) -> None:
    model = Whole(rate)
    made = optimisers(model, Optimiser(name=kind, weight_decay=0.1))  # type: ignore[arg-type]
    decays: dict[str, float] = {}
    for optimiser in made:
        found = named(model, optimiser)
        assert not found.keys() & decays.keys()
        decays |= found
        if isinstance(optimiser, torch.optim.Muon):
            assert all(".blocks." in f".{name}" and not name.endswith("bias") for name in found)
    assert decays.keys() == {name for name, _ in model.named_parameters()}
    for name, decay in decays.items():
        assert decay == (0.0 if name.endswith("bias") or "norm" in name else 0.1), name
    assert any(isinstance(one, SampledSGD) for one in made) == (kind == "sgd")


def test_the_backbone_has_a_rate_of_its_own() -> None:
    model = Whole()
    made = optimisers(model, Optimiser(name="adamw", backbone_rate=0.1))
    set_rate(made, 1e-3)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for group in made[0].param_groups:
        for parameter in group["params"]:
            backbone = names[id(parameter)].startswith("backbone.")
            assert group["lr"] == pytest.approx(1e-4 if backbone else 1e-3)
