"""From a name to a text encoder that runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from compoundeye.models._catalogue import card as card_of
from compoundeye.models._catalogue import catalogue
from compoundeye.models._hub import read_hub
from compoundeye.models._runtime import open_onnx
from compoundeye.models._text import Float32, Ids, TextEncoder
from compoundeye.models._weights import weights
from compoundeye.records import EyeError, ModelIdentity, Progress


def load_text(
    name: str, *, device: str = "cpu", threads: int = 1, runtime: str | None = None, progress: Progress | None = None
) -> TextEncoder:
    """Load the text half of a model, fetching its weights the first time; it runs in fp32.

    Args:
        name: a model of the catalogue that has one (``card(name).text``), or a folder in the hub's layout.
        device: "cpu" or "cuda".
        threads: processor threads of one call.
        runtime: "openvino" or "onnxruntime" instead of the device's own.
        progress: told (bytes so far, bytes in all) while weights are fetched.

    Raises:
        EyeError: no such model, or it has no text half.
        WeightsError: the weights cannot be had or are not what they should be.
    """
    # Only here: reading graphs and vocabularies takes longer to import than the rest of this room.
    from compoundeye.models._text_tower import similarity_scale, text_graph
    from compoundeye.models._tokenizer import read_tokenizer

    folder, version = _find(name, progress)
    model = read_hub(folder)
    graph, tokenize = text_graph(model), read_tokenizer(model)
    assert model.text is not None  # text_graph has checked
    scale, bias = similarity_scale(model)
    network = open_onnx(graph.SerializeToString(), device=device, threads=threads, runtime=runtime)

    def run(ids: Ids) -> Float32:
        return np.asarray(network(ids)["embedding"], np.float32)

    return TextEncoder(
        tokenize,
        run,
        # The same as that of the picture half: both come from the same files.
        ModelIdentity(name if version else folder.resolve().name, version or "local", model.digest()),
        dim=model.text.joint,
        scale=scale,
        bias=bias,
        independent=model.kind == "siglip",
    )


def _find(name: str, progress: Progress | None) -> tuple[Path, str | None]:
    """Folder of a model, and its version if it is one of the catalogue."""
    if Path(name).is_dir():
        return Path(name), None
    card = card_of(name)
    if not card.text:
        able = ", ".join(other.name for other in catalogue().values() if other.text)
        raise EyeError(f"{name} cannot read text: categories in words need one of {able}")
    return weights(card, progress).parent, card.version
