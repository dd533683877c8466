"""The masked autoencoder."""

import re
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from skimage import data
from torch import Tensor
from torch.nn import functional as F

from compoundeye.nets import MaskedAutoencoder, MaskedDecoder, ViT, ViTConfig, read_pretrained
from compoundeye.nets._masked import assembled, patches
from compoundeye.nets._positions import sine_positions
from compoundeye.records import EyeError

CONFIG = ViTConfig(width=32, depth=2, heads=2, image=16, patch=4, registers=1, positions="sine")


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_is_hidden_is_a_function_of_the_generator() -> None:
    decoder = MaskedDecoder(CONFIG)
    keep = decoder.choose(200, generator(3))
    assert keep.shape == (200, 4)
    assert torch.equal(keep, decoder.choose(200, generator(3)))
    assert not torch.equal(keep, decoder.choose(200, generator(4)))
    assert bool((keep.diff(dim=1) > 0).all())  # each patch once
    counts = keep.flatten().bincount(minlength=16)
    assert counts.min() > 25  # 50 expected of each of 16
    assert counts.max() < 80


def test_the_backbone_sees_visible_patches_only() -> None:
    torch.manual_seed(0)
    model = ViT(CONFIG).eval()
    keep = torch.tensor([[0, 5, 10, 15], [1, 2, 3, 4]])
    x = torch.rand(2, 3, 16, 16)
    tokens = model(x, keep)
    assert tokens.shape == (2, 2 + 4, 32)
    hidden = torch.ones(2, 16, dtype=torch.bool).scatter(1, keep, False)
    other = patches(x, 4)
    other[hidden] = 7
    torch.testing.assert_close(model(assembled(other, 4), keep), tokens, rtol=0, atol=0)
    everything = torch.arange(16).expand(2, -1)
    torch.testing.assert_close(model(x, everything), model.tokens(x))


def test_patches_come_back_as_the_picture() -> None:
    x = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(assembled(patches(x, 4), 4), x, rtol=0, atol=0)
    torch.testing.assert_close(patches(x, 4)[0, 5].reshape(3, 4, 4), x[0, :, 4:8, 4:8], rtol=0, atol=0)


def test_a_patch_is_numbered_as_the_backbone_numbers_it() -> None:
    model = ViT(CONFIG)
    assert model.patch is not None
    weight = torch.zeros_like(model.patch.weight)
    weight[:, 0] = 1
    model.patch.weight.data = weight
    model.patch.bias.data.zero_()
    x = torch.zeros(1, 3, 16, 16)
    x[0, 0, 4, 13] = 1
    assert model.patch(x).flatten(2)[0, 0].argmax() == patches(x, 4).sum(2)[0].argmax() == 7


@pytest.mark.parametrize("normalise", [True, False])
def test_the_loss_is_of_hidden_patches_of_pictures_that_count(normalise: bool) -> None:
    torch.manual_seed(0)
    decoder = MaskedDecoder(CONFIG, normalise=normalise)
    x, valid = torch.rand(3, 3, 16, 16), torch.tensor([True, False, True])
    keep = decoder.choose(3, generator(0))
    outputs = torch.randn(3, 16, 48, requires_grad=True)
    loss = decoder.loss(outputs, x, keep, valid)
    (gradient,) = torch.autograd.grad(loss, outputs)
    touched = gradient.abs().sum(2) > 0
    expected = torch.ones(3, 16, dtype=torch.bool).scatter(1, keep, False)
    expected[1] = False
    assert torch.equal(touched, expected)
    # By hand, a patch at a time.
    by_hand = 0.0
    for n in (0, 2):
        each = []
        for patch in set(range(16)) - set(keep[n].tolist()):
            row, column = divmod(patch, 4)
            wanted = x[n, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].flatten().numpy()
            if normalise:
                wanted = (wanted - wanted.mean()) / np.sqrt(wanted.var(ddof=1) + 1e-6)
            each.append(float(np.square(outputs[n, patch].detach().numpy() - wanted).mean()))
        by_hand += sum(each) / len(each)
    assert float(loss.detach()) == pytest.approx(by_hand, rel=1e-5)


def test_a_picture_that_could_not_be_read_leads_to_no_nan() -> None:
    model = MaskedAutoencoder(ViT(CONFIG))
    loss = model.loss(torch.zeros(2, 3, 16, 16), torch.tensor([True, False]), generator(0))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(bool(torch.isfinite(p.grad).all()) for p in model.parameters() if p.grad is not None)


def test_half_precision_comes_close() -> None:
    torch.manual_seed(0)
    model, x, valid = MaskedAutoencoder(ViT(CONFIG)), torch.rand(4, 3, 16, 16), torch.ones(4, dtype=torch.bool)
    expected = model.loss(x, valid, generator(0)).detach()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.loss(x, valid, generator(0))
    loss.backward()
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss.detach(), expected, rtol=0.02, atol=0)


def test_the_whole_is_that_of_the_reference() -> None:
    """Loss of the transformers library's ViTMAEForPreTraining, same weights and same hidden patches."""
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    shape |= {"image_size": 16, "patch_size": 4, "layer_norm_eps": 1e-6, "mask_ratio": 0.75, "norm_pix_loss": True}
    shape |= {"decoder_hidden_size": 64, "decoder_num_hidden_layers": 2, "decoder_num_attention_heads": 2}
    shape |= {"decoder_intermediate_size": 256}
    reference = transformers.ViTMAEForPreTraining(transformers.ViTMAEConfig(**shape)).eval()
    with torch.no_grad():
        # A fresh reference of this version leaves them zero; published weights have them.
        reference.decoder.decoder_pos_embed[:, 1:] = sine_positions(4, 64)
        for name, parameter in reference.named_parameters():
            if "decoder_pos_embed" not in name:  # fixed in both
                parameter.add_(torch.randn_like(parameter) * 0.1)

    config = ViTConfig(width=32, depth=2, heads=2, image=16, patch=4)
    model = MaskedAutoencoder(ViT(config), MaskedDecoder(config, width=64)).eval()
    read_pretrained(model.backbone, reference.state_dict())
    model.decoder.load_state_dict(decoder_state(reference.state_dict()))

    x, noise = torch.rand(3, 3, 16, 16), torch.rand(3, 16)
    keep = noise.argsort(1)[:, :4].sort(1).values
    with torch.no_grad():
        expected = reference(x, noise=noise)
        outputs = model.decoder(model.backbone(x, keep), keep)
        loss = model.decoder.loss(outputs, x, keep, torch.ones(3, dtype=torch.bool))
    drawn = expected.logits.unflatten(2, (4, 4, 3)).movedim(4, 2).flatten(2)
    torch.testing.assert_close(outputs, drawn, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(loss / 3, expected.loss)


def decoder_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The reference's decoder under our names."""
    parts = {"decoder_embed": "enter", "decoder_norm": "norm", "decoder_pred": "leave"}
    layers = {"layernorm_before": "norm1", "layernorm_after": "norm2", "mlp.fc1": "mlp.up", "mlp.fc2": "mlp.down"}
    layers |= {f"attention.{name[0]}_proj": f"attention.{name}" for name in ("query", "key", "value", "out")}
    found = {"mask": state["decoder.mask_token"]}
    for name, value in state.items():
        if name.startswith("decoder.decoder_layers."):
            number, owner, kind = re.fullmatch(r"decoder\.decoder_layers\.(\d+)\.(.*)\.(\w+)", name).groups()
            found[f"blocks.{number}.{layers[owner]}.{kind}"] = value
        elif (part := name.removeprefix("decoder.").split(".")[0]) in parts:
            found[f"{parts[part]}.{name.split('.')[-1]}"] = value
    for name in ("leave.weight", "leave.bias"):  # within a patch theirs count by row, column, colour
        found[name] = found[name].unflatten(0, (4, 4, 3)).movedim(2, 0).flatten(0, 2)
    return found


def crops(picture: Any, count: int, seed: int) -> Tensor:
    """Random squares of a photograph, 64 pixels made 16: float [count, 3, 16, 16]."""
    x = torch.from_numpy(picture).permute(2, 0, 1).float() / 127.5 - 1
    places = torch.rand(count, 2, generator=generator(seed)) * (torch.tensor(x.shape[1:]) - 64)
    squares = [x[:, row : row + 64, column : column + 64] for row, column in places.int().tolist()]
    return F.avg_pool2d(torch.stack(squares), 4)


def test_it_learns_to_draw_what_is_hidden() -> None:
    torch.manual_seed(0)
    train, held = crops(data.astronaut(), 512, 0), crops(data.astronaut(), 32, 1)
    config = ViTConfig(width=32, depth=1, heads=2, image=16, patch=4, positions="sine")
    model = MaskedAutoencoder(ViT(config), MaskedDecoder(config, masked=0.5, depth=1, normalise=False))
    valid = torch.ones(32, dtype=torch.bool)

    def error() -> float:
        with torch.no_grad():
            return float(model.loss(held, valid, generator(9))) / 32

    # Error of the mean of all pictures, which needs no look at the visible patches.
    constant = float((held - train.mean(0)).square().mean())
    assert error() > constant
    optimiser = torch.optim.AdamW(model.parameters(), 5e-3)
    draw = generator(1)
    for _ in range(4):
        for batch in train[torch.randperm(512, generator=draw)].split(32):
            optimiser.zero_grad()
            (model.loss(batch, valid, draw) / 32).backward()
            optimiser.step()
    assert error() < 0.6 * constant
    assert model.backbone(held).shape == (32, 32)


def test_shares_and_widths_that_cannot_be_are_refused() -> None:
    with pytest.raises(EyeError, match=r"hiding 0\.99 of 16 patches leaves 0"):
        MaskedDecoder(CONFIG, masked=0.99)
    with pytest.raises(EyeError, match="a decoder 40 wide is not whole heads of 32"):
        MaskedDecoder(CONFIG, width=40)
