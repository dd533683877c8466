"""Networks by name."""

import pytest
import torch

from compoundeye.nets import NETWORKS, ResNet, ViT, build
from compoundeye.records import EyeError


@pytest.mark.parametrize("name", NETWORKS)
def test_every_listed_name_can_be_built(name: str) -> None:
    with torch.device("meta"):
        model = build(name)
    assert model.features > 0


def test_options_reach_the_network() -> None:
    vit = build("vit-ti/4", image=28, depth=2, pool="mean")
    assert isinstance(vit, ViT)
    assert (vit.config.patch, vit.config.image, vit.config.depth, vit.config.tokens) == (4, 28, 2, 49)
    resnet = build("resnet-w16", image=28, blocks=1)
    assert isinstance(resnet, ResNet)
    assert resnet.features == 64


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("vit-t/16", {}, "'t': did you mean ti"),
        ("resnet50", {}, "'resnet50': did you mean resnet-w32"),
        ("vit-b/16", {"dept": 3}, "no option 'dept': did you mean depth"),
        ("resnet", {"depth": 3}, "resnet cannot be built with .*depth"),
    ],
)
def test_what_does_not_exist_is_refused(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(EyeError, match=message):
        build(name, **options)
