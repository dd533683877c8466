"""What a mixture of experts costs, forward and backward, against rivals and against a dense layer of as many products.

    python benchmarks/mixture.py [--width 384] [--experts 8] [--each 2] [--tokens 788] [--device cpu] [--seconds 2]
        [--json]

Same tokens, experts and routing width for all, in turn in one process:

    dense        one feed-forward layer, `each` times as wide: the same products without routing; nothing can be faster
    ours         compoundeye.nets.Mixture, with its router's losses
    loop         expert by expert: where is it among the chosen, gather, compute, add
    all experts  every expert computes every token, weighted by mostly zeros
    mixtral      transformers' MixtralSparseMoeBlock (dropless as well; gated units, so 2/3 as many hidden for as many
                 products; without losses), once for each of its implementations that runs here

Tokens per second of processor time on one thread, or of time on a GPU, in bfloat16 there; the fastest pass.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compoundeye.nets import Mixture
from compoundeye.nets._vit import FeedForward

FEWEST = 4
HIDDEN = 4  # times the width


class Loop(nn.Module):
    """The mixture's own weights, used the plain way."""

    def __init__(self, mixture: Mixture) -> None:
        super().__init__()
        self.mixture = mixture

    def forward(self, x: Tensor) -> Tensor:
        share, chosen = (x @ self.mixture.router.weight.T).float().softmax(1).topk(self.mixture.each)
        up, down = self.mixture.experts.up, self.mixture.experts.down
        y = torch.zeros_like(x)
        assert up.bias is not None
        assert down.bias is not None
        for e in range(len(up.weight)):
            row, place = torch.where(chosen == e)
            out = F.linear(F.gelu(F.linear(x[row], up.weight[e], up.bias[e])), down.weight[e], down.bias[e])
            y = y.index_add(0, row, out * share[row, place, None].to(x.dtype))
        return y


class AllExperts(nn.Module):
    """The mixture's own weights, all of them for every token."""

    def __init__(self, mixture: Mixture) -> None:
        super().__init__()
        self.mixture = mixture

    def forward(self, x: Tensor) -> Tensor:
        logits = (x @ self.mixture.router.weight.T).float()
        share, chosen = logits.softmax(1).topk(self.mixture.each)
        return self.mixture.experts.all_of_them(x, torch.zeros_like(logits).scatter(1, chosen, share).to(x.dtype))


class Mixtral(nn.Module):
    """Theirs takes [N, L, D]."""

    def __init__(self, width: int, experts: int, each: int, implementation: str) -> None:
        super().__init__()
        from transformers import MixtralConfig
        from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

        config = MixtralConfig(
            hidden_size=width,
            intermediate_size=HIDDEN * width * 2 // 3,
            num_local_experts=experts,
            num_experts_per_tok=each,
        )
        config._experts_implementation = implementation
        self.block = MixtralSparseMoeBlock(config)
        for parameter in self.block.parameters():
            nn.init.normal_(parameter, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x[None])[0]


def contenders(options: argparse.Namespace) -> dict[str, Callable[[], nn.Module]]:
    width, experts, each = options.width, options.experts, options.each

    def mixture() -> Mixture:
        torch.manual_seed(0)
        hidden = HIDDEN * width
        return Mixture(width, hidden, True, F.gelu, experts=experts, each=each, balance=0.01, z=0.001)

    return {
        "dense": lambda: FeedForward(width, HIDDEN * width * each, True),
        "ours": mixture,
        "loop": lambda: Loop(mixture()),
        "all experts": lambda: AllExperts(mixture()),
        **{
            f"mixtral {kind}": lambda kind=kind: Mixtral(width, experts, each, kind)  # type: ignore[misc]
            for kind in ("eager", "grouped_mm")  # batched_mm copies an expert for each token
        },
    }


def seconds_of(model: nn.Module, x: Tensor) -> float:
    clock = time.process_time if x.device.type == "cpu" else time.perf_counter
    started = clock()
    model(x).backward(torch.ones_like(x))
    if x.is_cuda:
        torch.cuda.synchronize()
    return clock() - started


def rate(model: nn.Module, options: argparse.Namespace) -> float:
    """Tokens a second, forward and backward."""
    dtype = torch.bfloat16 if options.device == "cuda" else torch.float32
    model = model.to(options.device, dtype).train()
    x = torch.randn(options.tokens, options.width, device=options.device, dtype=dtype).requires_grad_()
    passes: list[float] = []
    while sum(passes[1:]) < options.seconds or len(passes) < FEWEST:  # the first warms up
        model.zero_grad(set_to_none=True)
        passes.append(seconds_of(model, x))
    return options.tokens / min(passes[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--experts", type=int, default=8)
    parser.add_argument("--each", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=4 * 197)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rates: dict[str, float | str] = {}
    for name, make in contenders(options).items():
        try:
            rates[name] = rate(make(), options)
        except (ImportError, RuntimeError, ValueError, KeyError) as error:
            rates[name] = f"does not run: {' '.join(str(error).split())[:80]}"
    report: dict[str, Any] = {
        "machine": torch.cuda.get_device_name() if options.device == "cuda" else _processor(),
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}",
        "options": vars(options),
        "tokens_per_second": rates,
    }
    if options.json:
        print(json.dumps(report, indent=2))
        return
    print(
        f"{report['machine']}; {report['versions']}; width {options.width}, {options.each} of {options.experts} experts"
    )
    ours = rates["ours"]
    assert isinstance(ours, float), ours
    for name, found in rates.items():
        print(
            f"{name:20} {found if isinstance(found, str) else f'{found:10.0f} tokens/s   ours / it {ours / found:.2f}'}"
        )


def _processor() -> str:
    with open("/proc/cpuinfo") as lines:
        name = next(
            (line.split(": ")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
        )
    return f"{name}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
