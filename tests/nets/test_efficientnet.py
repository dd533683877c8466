"""EfficientNet-Lite."""

from collections.abc import Mapping
from importlib.resources import files

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from compoundeye.models import card, load, weights
from compoundeye.nets import LITE, EfficientNetLite, build, pixel_scale, read_state
from compoundeye.nets._efficientnet import read_lite
from compoundeye.records import EyeError

# Millions of parameters with the classifier of 1000 classes, as the authors' README has them.
PUBLISHED = {
    "efficientnet-lite0": 4.7,
    "efficientnet-lite1": 5.4,
    "efficientnet-lite2": 6.1,
    "efficientnet-lite3": 8.2,
    "efficientnet-lite4": 13.0,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name: str) -> None:
    with torch.device("meta"):
        model = EfficientNetLite(LITE[name])
    count = sum(parameter.numel() for parameter in model.parameters()) + 1281 * 1000
    assert count / 1e6 == pytest.approx(PUBLISHED[name], abs=0.06)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"])
def test_the_catalogues_weights_answer_as_the_catalogues_model(name: str) -> None:
    catalogued = load(name, precision="fp32")
    carried = {"skimage.data": ("chelsea.png", "rocket.jpg"), "sklearn.datasets.images": ("china.jpg",)}
    data = [files(package).joinpath(file).read_bytes() for package, names in carried.items() for file in names]
    pixels = np.stack([catalogued.prepare(each) for each in data])
    expected = catalogued(pixels)

    model = build(name, pretrained=True, image=pixels.shape[1]).eval()
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in pixel_scale(name))
    with torch.no_grad():
        features = model((torch.from_numpy(pixels).permute(0, 3, 1, 2) - mean) / deviation)
    np.testing.assert_allclose(features.numpy(), expected.embedding, rtol=0, atol=1e-4)
    state = read_state(weights(card(name)))
    logits = F.linear(features, state["_fc.weight"], state["_fc.bias"])
    np.testing.assert_allclose(logits.numpy(), expected.logits, rtol=0, atol=1e-4)


def published(model: EfficientNetLite) -> dict[str, torch.Tensor]:
    """A state dict under the port's names, as large as the model's."""
    inner = {"expand.filter": "_expand_conv", "expand.norm": "_bn0", "depthwise.filter": "_depthwise_conv"}
    inner |= {"depthwise.norm": "_bn1", "project.filter": "_project_conv", "project.norm": "_bn2"}
    ends = {"stem.filter": "_conv_stem", "stem.norm": "_bn0", "last.filter": "_conv_head", "last.norm": "_bn1"}
    state = {"_fc.weight": torch.zeros(7, 1280), "_fc.bias": torch.zeros(7)}
    for name, value in model.state_dict().items():
        owner, _, rest = name.rpartition(".")
        if name.startswith("stages."):
            _, number, owner = owner.split(".", 2)
            state[f"_blocks.{number}.{inner[owner]}.{rest}"] = value
        elif rest != "num_batches_tracked":
            state[f"{ends[owner]}.{rest}"] = value
    return state


def without(state: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {key: value for key, value in state.items() if key != name}


def test_weights_of_another_network_are_refused_and_the_model_stays() -> None:
    torch.manual_seed(0)
    model, other = (EfficientNetLite(LITE["efficientnet-lite0"]) for _ in range(2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = published(other)
    larger = published(EfficientNetLite(LITE["efficientnet-lite1"]))
    extra = {**state, "_blocks.3._se_reduce.weight": torch.zeros(3)}
    for wrong in (without(state, "_blocks.3._bn1.running_var"), larger, extra):
        with pytest.raises(EyeError, match=r"file.pth are of another network: stages\.\d+\..* differs"):
            read_lite(model, wrong, "file.pth")
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    read_lite(model, state, "file.pth")
    assert torch.equal(model.last.filter.weight, other.last.filter.weight)


def test_it_learns() -> None:
    torch.manual_seed(0)
    model = EfficientNetLite(LITE["efficientnet-lite0"], drop_path=0.1)
    model(torch.rand(2, 3, 33, 33)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
