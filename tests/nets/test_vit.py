"""The vision transformer."""

import pytest
import torch

from compoundeye.nets import ViT, ViTConfig


@pytest.mark.parametrize("pool", ["token", "mean"])
@pytest.mark.parametrize("parallel", [False, True])
def test_pictures_become_features(pool: str, parallel: bool) -> None:
    config = ViTConfig(
        width=24,
        depth=2,
        heads=2,
        image=16,
        patch=4,
        pool=pool,
        parallel=parallel,
        registers=1,
        qk_norm=True,  # type: ignore[arg-type]
    )
    model = ViT(config)
    x = torch.rand(3, 3, 16, 16)
    assert model.tokens(x).shape == (3, config.tokens, 24)
    assert model(x).shape == (3, 24)
