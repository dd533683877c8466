"""Networks by name."""

from pathlib import Path

import pytest
import torch

from compoundeye.models import catalogue
from compoundeye.nets import NETWORKS, ResNet, ViT, build, pixel_scale
from compoundeye.records import EyeError

WITH_WEIGHTS = {name for name, card in catalogue().items() if card.architecture == "hub"}
"""Not built without a download: their folder says what they are made of."""


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - WITH_WEIGHTS))
def test_every_listed_name_can_be_built(name: str) -> None:
    with torch.device("meta"):
        model = build(name)
    assert model.features > 0


def test_models_of_the_catalogue_are_listed() -> None:
    assert WITH_WEIGHTS
    assert WITH_WEIGHTS.issubset(NETWORKS)


def test_pixels_are_scaled_as_published_weights_expect() -> None:
    assert pixel_scale("vit-b/16") == ((127.5,) * 3, (127.5,) * 3)
    assert pixel_scale("efficientnet-lite1") == ((127.0,) * 3, (128.0,) * 3)


def test_own_weights_can_be_read_again(tmp_path: Path) -> None:
    for name, options in (("resnet-w8", {"blocks": 1}), ("vit-ti/4", {"image": 16, "depth": 1, "layer_scale": 0.1})):
        model = build(name, **options)
        torch.save(model.state_dict(), tmp_path / "weights.pth")
        again = build(name, pretrained=tmp_path / "weights.pth", **options)
        for mine, theirs in zip(model.parameters(), again.parameters(), strict=True):
            assert torch.equal(mine, theirs)
        with pytest.raises(EyeError, match="the catalogue has no weights for"):
            build(name, pretrained=True, **options)
    torch.save(build("resnet-w8").state_dict(), tmp_path / "weights.pth")
    with pytest.raises(EyeError, match=r"is not of resnet-w16 with these options: .*stem"):
        build("resnet-w16", pretrained=tmp_path / "weights.pth")


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
        ("resnet", {"depth": 3}, "resnet cannot be built: .*'depth'; mend"),
    ],
)
def test_what_does_not_exist_is_refused(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(EyeError, match=message):
        build(name, **options)
