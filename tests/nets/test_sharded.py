"""Networks whose parameters are shards."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
import torch
from torch import distributed as dist
from torch.distributed.fsdp import fully_shard
from compoundeye.nets import MaskedAutoencoder, ResNet, ViT, ViTConfig, forward_flops

dist.init_process_group("gloo", init_method=f"file://{sys.argv[1]}", rank=0, world_size=1)
config = ViTConfig(width=32, depth=2, heads=2, image=16, patch=4, positions="sine", pool="attention", experts=4)
with torch.device("meta"):
    model = MaskedAutoencoder(ViT(config))
for block in model.backbone.blocks.values():
    fully_shard(block)
fully_shard(model.backbone)
fully_shard(model.decoder)
fully_shard(model)
model.to_empty(device="cpu")
for part in (model.backbone, model.decoder):
    part.reset()
whole = ViT(config)
torch.testing.assert_close(model.backbone.position.full_tensor(), whole.position)
assert all(torch.isfinite(value.full_tensor()).all() for value in model.parameters())
loss = model(torch.rand(2, 3, 16, 16), torch.ones(2, dtype=torch.bool))
loss.backward()
assert torch.isfinite(loss)
assert all(value.grad is not None for name, value in model.named_parameters() if ".pool." not in name)
assert forward_flops(model.backbone, 16) == forward_flops(whole, 16)

small = ResNet(width=4, blocks=1)
before = forward_flops(small, 16)
assert forward_flops(fully_shard(small), 16) == before
dist.destroy_process_group()
"""


def test_a_network_made_without_memory_is_sharded_filled_trained_and_counted(tmp_path: Path) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "store")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
