"""Named vision transformers."""

import pytest
import torch

from compoundeye.nets import SIZES, ViT, vit_config
from compoundeye.records import EyeError

# Millions of parameters as the sources print them, and how far from that the network without a classifier may be.
# ViT-e's figure counts its classifier (JFT-3B, about 30,000 classes: 54 million); ViT-L's and H's that of ImageNet-21k.
PUBLISHED = {
    "ti": (5.7, 0.04),  # less 0.19 for the classifier
    "s": (22.0, 0.02),
    "b": (86.0, 0.005),
    "l": (307.0, 0.015),
    "h": (632.0, 0.005),
    "so400m": (428.0, 0.005),  # SigLIP's, with the attention that pools
    "g": (1011.0, 0.03),
    "giant": (1843.0, 0.03),
    "e": (3926.0, 0.02),
    "22b": (21743.0, 0.025),
}


def count(size: str) -> int:
    with torch.device("meta"):
        model = ViT(vit_config(size))
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("size", PUBLISHED)
def test_parameters_are_as_many_as_published(size: str) -> None:
    millions, within = PUBLISHED[size]
    assert count(size) / 1e6 == pytest.approx(millions, rel=within)


def test_the_largest_has_two_hundred_billion() -> None:
    assert count("200b") / 1e9 == pytest.approx(206, rel=0.02)


def test_every_size_has_a_source_and_its_heads_are_no_wider_than_kernels_take() -> None:
    for size in SIZES.values():
        assert size.source
        assert size.config.width // size.config.heads <= 128


def test_unknown_sizes_and_options_are_refused_with_near_names() -> None:
    with pytest.raises(EyeError, match=r"there is no vision transformer '22'.*22b"):
        vit_config("22")
    with pytest.raises(EyeError, match=r"no option 'registrs'.*registers"):
        vit_config("ti", registrs=4)
    with pytest.raises(EyeError, match="30 pixels is not whole patches of 16"):
        vit_config("ti", image=30)
    with pytest.raises(EyeError, match="192 does not divide into 5 heads"):
        vit_config("ti", heads=5)
    with pytest.raises(EyeError, match=r"pool of a vision transformer is 'cls': set one of token, mean, attention"):
        vit_config("ti", pool="cls")
    for depth in (0, 2.5, "two"):
        with pytest.raises(EyeError, match=f"depth of a vision transformer is {depth!r}: set a whole number from 1"):
            vit_config("ti", depth=depth)
