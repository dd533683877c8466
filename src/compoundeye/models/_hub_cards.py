"""Cards of the hub models: CLIP, SigLIP and DINOv2 at pinned revisions.

No registry package carries these weights, so a first use needs the public address, or a copy of the files put into
the cache; the digest decides here as everywhere. Digests of weights are those the hub shows for its large files at that
revision; digests of the small files are as public projects that pin the same revision record them. A model whose digest
nobody published gets no card: whoever trusts such weights downloads them and gives the folder instead of a name, and
that folder's own digest then rides on every prediction.
"""

from __future__ import annotations

from compoundeye.models._card import Card, WeightsFile
from compoundeye.models._hub import CONFIG, PREPROCESSOR, TOKENIZER
from compoundeye.models._safetensors import SINGLE

ARCHITECTURE = "hub"
"""Key of the loader that understands a folder in the hub's layout."""

_HUB = "https://huggingface.co"
_PAGE_PROTOCOL = (
    "zero-shot with 80 prompts a class; measured by OpenCLIP (docs/openclip_results.csv, column ImageNet 1k)"
)


def _at(repository: str, revision: str, name: str) -> str:
    return f"{_HUB}/{repository}/resolve/{revision}/{name}"


def _beside(repository: str, revision: str, *files: tuple[str, int, str]) -> tuple[WeightsFile, ...]:
    """(name, bytes, SHA-256) of the small files that lie beside the weights."""
    return tuple(WeightsFile(name, sha256, size, _at(repository, revision, name)) for name, size, sha256 in files)


# The same bytes in both CLIP repositories.
_CLIP_PREPROCESSOR = (PREPROCESSOR, 316, "910e70b3956ac9879ebc90b22fb3bc8a75b6a0677814500101a4c072bd7857bd")
_CLIP_TOKENIZER = (TOKENIZER, 2_224_041, "b556ac8c99757ffb677208af34bc8c6721572114111a6e0aaf5fa69ff0b8d842")
_DINOV2_PREPROCESSOR = (PREPROCESSOR, 436, "14e780d86fa1861f8751f868d7f45425b5feb55c38ca26f152ca5097ab30f828")

# The main branch holds only a pickle; this commit of the same repository adds the same tensors as safetensors.
_OPENAI, _OPENAI_AT = "openai/clip-vit-base-patch32", "b33cedfd0df4e43b8238760678fcc89e1a0d38b3"
_LAION, _LAION_AT = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "1a25a446712ba5ee05982a381eed697ef9b435cf"
_SIGLIP, _SIGLIP_AT = "google/siglip-base-patch16-224", "7fd15f0689c79d79e38b1c2e2e2370a7bf2761ed"
_SMALL, _SMALL_AT = "facebook/dinov2-small", "ed25f3a31f01632728cabb09d1542f84ab7b0056"
_BASE, _BASE_AT = "facebook/dinov2-base", "f9e44c814b77203eaa57a6bdbbd535f21ede1415"

HUB_CARDS = (
    Card(
        name="clip-vit-base-patch32",
        task="embed",
        version=_OPENAI_AT[:12],
        architecture=ARCHITECTURE,
        input_size=224,
        crop_fraction=1.0,
        embedding_dim=512,
        labels=None,
        licence="not stated for the weights (the code is MIT)",
        metric="ImageNet-1k top-1 63.3 %",
        protocol=_PAGE_PROTOCOL,
        source=_at(_OPENAI, _OPENAI_AT, SINGLE),
        sha256="99d28a652e6ec46629ab7047a0ac82c69b1fe11e0ce672c43af65d3a9a3fc05d",
        size_bytes=605_157_884,
        file_name=SINGLE,
        beside=_beside(
            _OPENAI,
            _OPENAI_AT,
            (CONFIG, 4186, "b575ef3c36f2a057fa19e221650105052d61cc9c1a972ec15019c6261ec98770"),
            _CLIP_PREPROCESSOR,
            _CLIP_TOKENIZER,
        ),
        text=True,
        notes="OpenAI's own. Whether its MIT licence covers the weights was asked and never answered "
        "(github.com/openai/CLIP, issues 203 and 241), and its model card calls deployment out of scope: "
        "clip-vit-b32-laion2b is the same network under MIT.",
    ),
    Card(
        name="clip-vit-b32-laion2b",
        task="embed",
        version=_LAION_AT[:12],
        architecture=ARCHITECTURE,
        input_size=224,
        crop_fraction=1.0,
        embedding_dim=512,
        labels=None,
        licence="MIT",
        metric="ImageNet-1k top-1 66.6 %",
        protocol=_PAGE_PROTOCOL,
        source=_at(_LAION, _LAION_AT, SINGLE),
        sha256="74813fbcdc750f235c9784c367ca1394d2a5c25eb0aac92761752ac239db7cff",
        size_bytes=605_157_884,
        file_name=SINGLE,
        beside=_beside(
            _LAION,
            _LAION_AT,
            (CONFIG, 4355, "1284cbff35169abb23a1c5525a8b0f543c7bd191d4b9aed63880c1571bc4191c"),
            _CLIP_PREPROCESSOR,
            _CLIP_TOKENIZER,
        ),
        text=True,
        notes="Trained on LAION-2B, picture and caption pairs from the open web; its authors recommend testing "
        "before deployment. MIT for the weights too: github.com/mlfoundations/open_clip, issues 177 and 503.",
    ),
    Card(
        name="siglip-base-patch16-224",
        task="embed",
        version=_SIGLIP_AT[:12],
        architecture=ARCHITECTURE,
        input_size=224,
        crop_fraction=1.0,
        embedding_dim=768,
        labels=None,
        licence="Apache-2.0",
        metric="see the paper",
        protocol="zero-shot; Zhai et al., 2023 (arXiv:2303.15343), figure not read here",
        source=_at(_SIGLIP, _SIGLIP_AT, SINGLE),
        sha256="2c63cb7d1f2e95ba501893cbb8faeb4ea9a3af295498d35097126228659c2af8",
        size_bytes=812_672_320,
        file_name=SINGLE,
        beside=_beside(
            _SIGLIP,
            _SIGLIP_AT,
            (CONFIG, 432, "cd85b3d28829722820bcb89a2cfbb4160e55fd359249a3044da724166a8d9688"),
            (PREPROCESSOR, 368, "d11ccb80f15d358a11bdb070e92e2d889005874b7db15823d5f10d9b2533b14a"),
            (TOKENIZER, 2_399_357, "c6e405cb7c670d56636a9402c81023a55bc6c3c53d89cf02b92f5c5005bfe920"),
            ("tokenizer_config.json", 711, "d6423dae508cc3a129d22ea443841c111832a1a73125b8f25ea8736951698bcb"),
        ),
        text=True,
        notes="Sees the whole picture squeezed into a square, not a central crop. English texts.",
    ),
    Card(
        name="dinov2-small",
        task="embed",
        version=_SMALL_AT[:12],
        architecture=ARCHITECTURE,
        input_size=224,
        crop_fraction=0.875,
        embedding_dim=384,
        labels=None,
        licence="Apache-2.0",
        metric="ImageNet-1k top-1 79.0 % (k-NN), 81.1 % (linear)",
        protocol="frozen class token, no fine-tuning; table in github.com/facebookresearch/dinov2, README.md",
        source=_at(_SMALL, _SMALL_AT, SINGLE),
        sha256="ae1e99fcefd534ed978cdeb8326f08030c96e28b7a81ffcbc98a857c84d14be1",
        size_bytes=88_249_960,
        file_name=SINGLE,
        beside=_beside(
            _SMALL,
            _SMALL_AT,
            (CONFIG, 547, "1809f83e3bdb1609a501a610ad4a742f4fd8ae44d72ca4aa0df52d1f2ac8628d"),
            _DINOV2_PREPROCESSOR,
        ),
        notes="Pictures only, trained without labels: for search, duplicates and categories by examples.",
    ),
    Card(
        name="dinov2-base",
        task="embed",
        version=_BASE_AT[:12],
        architecture=ARCHITECTURE,
        input_size=224,
        crop_fraction=0.875,
        embedding_dim=768,
        labels=None,
        licence="Apache-2.0",
        metric="ImageNet-1k top-1 82.1 % (k-NN), 84.5 % (linear)",
        protocol="frozen class token, no fine-tuning; table in github.com/facebookresearch/dinov2, README.md",
        source=_at(_BASE, _BASE_AT, SINGLE),
        sha256="d73036b56966966d07975d696bde331762f37297e2f095de8cea0040c3aa0841",
        size_bytes=346_345_912,
        file_name=SINGLE,
        beside=_beside(
            _BASE,
            _BASE_AT,
            (CONFIG, 548, "f7ff4cfa73d2f70647dbf6950541ad25d73082d54c2e7e9bded160c7656b2a70"),
            _DINOV2_PREPROCESSOR,
        ),
        notes="Pictures only, trained without labels: for search, duplicates and categories by examples.",
    ),
)
