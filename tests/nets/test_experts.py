"""A mixture computes what its definition says, however the products are grouped."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from compoundeye.nets import Mixture, ViT, ViTConfig, router_figures, share_router_losses
from compoundeye.nets._experts import StackedLinear, at_once, inverted, one_by_one, permuted
from compoundeye.records import EyeError

WIDTH, HIDDEN = 16, 24


def mixture(experts: int = 5, each: int = 2, *, balance: float = 0.01, z: float = 0.001, bias: bool = True) -> Mixture:
    torch.manual_seed(0)
    made = Mixture(WIDTH, HIDDEN, bias, F.gelu, experts=experts, each=each, balance=balance, z=z)
    for parameter in made.parameters():  # larger than fresh ones, so that everything shows
        torch.nn.init.normal_(parameter, std=0.5)
    return made


def tokens(*shape: int) -> Tensor:
    return torch.randn(*shape, WIDTH, generator=torch.Generator().manual_seed(1))


def naive(made: Mixture, x: Tensor) -> Tensor:
    """Token by token, expert by expert."""
    up, down = made.experts.up, made.experts.down
    rows = []
    for token in x.reshape(-1, WIDTH):
        shares = (made.router.weight @ token).softmax(0)
        best = shares.argsort(descending=True)[: made.each]
        row = torch.zeros(WIDTH)
        for e in best:
            hidden = up.weight[e] @ token + (0 if up.bias is None else up.bias[e])
            row = row + shares[e] * (down.weight[e] @ F.gelu(hidden) + (0 if down.bias is None else down.bias[e]))
        rows.append(row)
    return torch.stack(rows).view_as(x)


def losses(made: Mixture, x: Tensor) -> Tensor:
    """The router's, by the formulas of the papers."""
    logits = x.reshape(-1, WIDTH) @ made.router.weight.T
    shares = logits.softmax(1)
    experts = logits.shape[1]
    chosen = F.one_hot(shares.topk(made.each).indices, experts).sum(1).float()
    balance = experts * (chosen.mean(0) / made.each * shares.mean(0)).sum()
    return made.balance * balance + made.z * torch.logsumexp(logits, 1).pow(2).mean()


def gradients(made: Mixture, x: Tensor, y: Tensor, more: Tensor | float = 0.0) -> list[Tensor]:
    wanted = (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum() + more
    return list(torch.autograd.grad(wanted, [x, *made.parameters()]))


@pytest.mark.parametrize(("experts", "each", "bias"), [(5, 2, True), (4, 1, False), (3, 3, True), (16, 2, True)])
def test_a_mixture_and_its_gradients_are_those_of_a_naive_loop(experts: int, each: int, bias: bool) -> None:
    made, x = mixture(experts, each, bias=bias), tokens(2, 7).requires_grad_()
    found, expected = made(x), naive(made, x)
    torch.testing.assert_close(found, expected)
    for one, other in zip(gradients(made, x, found), gradients(made, x, expected, losses(made, x)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_shares_of_the_router_losses_add_up() -> None:
    made, x = mixture(balance=3.0, z=2.0), tokens(8).requires_grad_()
    (whole,) = torch.autograd.grad(0 * made(x).sum(), [made.router.weight])
    share_router_losses(made, 0.25)
    (quarter,) = torch.autograd.grad(0 * made(x).sum(), [made.router.weight])
    (wanted,) = torch.autograd.grad(losses(made, x), [made.router.weight])
    torch.testing.assert_close(whole, wanted)
    torch.testing.assert_close(4 * quarter, whole)
    made.eval()
    (none,) = torch.autograd.grad(0 * made(x).sum(), [made.router.weight])
    assert not none.any()


def test_one_expert_is_the_dense_layer() -> None:
    config = {"width": 16, "depth": 2, "heads": 2, "image": 8, "patch": 4}
    torch.manual_seed(0)
    dense = ViT(ViTConfig(**config))
    sparse = ViT(ViTConfig(**config, experts=1, experts_each=1, experts_every=1))
    state = dense.state_dict()
    for i in range(2):
        for layer in ("up", "down"):
            for kind in ("weight", "bias"):
                state[f"blocks.{i}.mlp.experts.{layer}.{kind}"] = state.pop(f"blocks.{i}.mlp.{layer}.{kind}")[None]
        state[f"blocks.{i}.mlp.router.weight"] = torch.randn(1, 16)
    sparse.load_state_dict(state)
    pictures = torch.randn(3, 3, 8, 8)
    torch.testing.assert_close(sparse(pictures), dense(pictures))


def test_every_so_many_blocks_have_a_mixture_and_their_losses_are_told() -> None:
    model = ViT(ViTConfig(width=16, depth=5, heads=2, image=8, patch=4, experts=4, experts_every=2))
    assert [isinstance(block.mlp, Mixture) for block in model.blocks.values()] == [False, True, False, True, False]
    assert router_figures(model) == {}
    model(torch.randn(2, 3, 8, 8))
    figures = {name: float(value) for name, value in router_figures(model).items()}
    # Fresh routers hardly prefer an expert: the balance is 1, the log of a sum of four ones is log 4.
    assert figures["balance"] == pytest.approx(1, abs=0.05)
    assert figures["z"] == pytest.approx(torch.tensor(4.0).log().square().item(), abs=0.05)
    assert 1 <= figures["busiest"] <= 4
    assert router_figures(ViT(ViTConfig(width=16, depth=1, heads=2, image=8, patch=4))) == {}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("counts", [[3, 0, 5, 1], [0, 0, 0, 9], [9, 0, 0, 0], [0, 0, 0, 0]])
def test_one_grouped_product_is_many_products(dtype: torch.dtype, counts: list[int]) -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(4, HIDDEN, WIDTH), torch.randn(4, HIDDEN)
    x = tokens(sum(counts))
    found = []
    for way in (at_once, one_by_one):
        leaves = [one.to(dtype).requires_grad_() for one in (x, weight, bias)]
        y = way(*leaves, torch.tensor(counts))
        assert y.dtype == dtype
        y.backward(torch.linspace(-1, 1, y.numel()).view_as(y).to(dtype))
        found.append([y, *(leaf.grad for leaf in leaves)])
    for one, other in zip(*found, strict=True):
        # The one adds the bias before, the other after rounding: a step of bfloat16 is 2 ** -8.
        torch.testing.assert_close(one, other, **({"rtol": 2e-2, "atol": 2e-2} if dtype == torch.bfloat16 else {}))


@pytest.mark.parametrize("bias", [True, False])
def test_what_is_exported_answers_alike_for_any_number_of_pictures(bias: bool) -> None:
    made = mixture(bias=bias).eval()
    program = torch.export.export(made, (tokens(2, 3),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},), strict=False)
    for pictures in (2, 5):
        x = tokens(pictures, 3)
        torch.testing.assert_close(program.module()(x), made(x))


def test_a_permutation_and_its_gradient() -> None:
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    x = tokens(9).double().requires_grad_()
    assert torch.equal(permuted(permuted(x, order, inverted(order)), inverted(order), order), x)
    assert torch.autograd.gradcheck(lambda one: permuted(one, order, inverted(order)).square(), (x,))


def test_autocast_computes_experts_in_bfloat16_and_routes_in_float32() -> None:
    made, x = mixture(), tokens(6)
    with torch.autocast("cpu", torch.bfloat16):
        y = made(x)
        assert made.experts(x, torch.tensor([6, 0, 0, 0, 0])).dtype == torch.bfloat16
        assert made._logits(x).dtype == torch.float32
    torch.testing.assert_close(y.float(), made(x), rtol=0.05, atol=0.2)


def test_fresh_weights_are_small_and_biases_zero() -> None:
    layer = StackedLinear(3, 50, 40, True)
    assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
    assert layer.bias is not None
    assert not layer.bias.any()


def test_a_token_goes_to_no_more_experts_than_there_are() -> None:
    with pytest.raises(EyeError, match="3 of 2 experts"):
        ViTConfig(experts=2, experts_each=3)
