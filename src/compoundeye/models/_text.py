"""Texts into the space of the pictures: the text half of CLIP and SigLIP, for categories named in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from compoundeye.records import EyeError, ModelIdentity

Float32 = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

TEMPLATES = (
    "itap of a {}.",
    "a bad photo of the {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
)
"""Sentences to put a category's name into: the seven that CLIP's authors found to do as well as all of their 80 on
ImageNet (github.com/openai/CLIP, notebooks/Prompt_Engineering_for_ImageNet.ipynb; "itap" is "I took a picture")."""

_BATCH = 64
"""Texts a run: enough to keep the processor busy, little enough memory (64 x 77 tokens)."""


class TextEncoder:
    """A loaded text tower. Its embeddings are comparable with those of the same model's ``Vision`` and no other."""

    def __init__(
        self,
        tokenize: Callable[[Sequence[str]], Ids],
        run: Callable[[Ids], Float32],
        identity: ModelIdentity,
        *,
        dim: int,
        scale: float,
        bias: float,
        independent: bool,
    ) -> None:
        self._tokenize, self._run = tokenize, run
        self.identity = identity
        self.dim = dim
        """Width of the embeddings."""
        self.logit_scale = scale
        """What a cosine is multiplied with, already out of the logarithm it is stored in."""
        self.logit_bias = bias
        """What is then added; 0 for CLIP."""
        self.independent = independent
        """SigLIP judges each text alone (sigmoid); CLIP judges which of the texts (softmax)."""

    def __call__(self, texts: Sequence[str]) -> Float32:
        """Embeddings, float32 [N, D], each of length 1. Texts too long for the tower are cut at its last token."""
        parts = [self._run(self._tokenize(texts[at : at + _BATCH])) for at in range(0, len(texts), _BATCH)]
        return unit(np.concatenate(parts)) if parts else np.empty((0, self.dim), np.float32)

    def categories(self, names: Sequence[str], templates: Sequence[str] = TEMPLATES) -> Float32:
        """One embedding a category, float32 [K, D] of length 1: the mean over templates, brought back to length 1.

        Prompt ensembling of Radford et al., 2021 (arXiv:2103.00020), section 3.1.4.

        Raises:
            EyeError: there is no template, or one has no ``{}`` for the name.
        """
        if not templates:
            raise EyeError("no template to put the categories' names into: give at least '{}'")
        for template in templates:
            if "{}" not in template:
                raise EyeError(f"template {template!r} has no {{}} to put a category's name into")
        total = np.zeros((len(names), self.dim), np.float32)
        for template in templates:
            total += self([template.replace("{}", name) for name in names])
        return unit(total)

    def logits(self, pictures: Float32, texts: Float32) -> Float32:
        """How well each picture [N, D] fits each text [K, D]: float32 [N, K], as the model was trained to say it.

        Embeddings need not be of length 1; a zero embedding fits everything equally.

        Raises:
            EyeError: embeddings of another width, so of another model.
        """
        for width in (pictures.shape[-1], texts.shape[-1]):
            if width != self.dim:
                raise EyeError(
                    f"embeddings are {width} wide where {self.identity.name} has {self.dim}: they are of another model"
                )
        cosines = unit(pictures) @ unit(texts).T
        return np.asarray(cosines * np.float32(self.logit_scale) + np.float32(self.logit_bias), np.float32)

    def probabilities(self, pictures: Float32, texts: Float32) -> Float32:
        """``logits`` as probabilities [N, K]: rows sum to 1 for CLIP, each stands alone for SigLIP.

        Uncalibrated: CLIP assumes that one of the texts is right.
        """
        logits = self.logits(pictures, texts).astype(np.float64)
        if self.independent:
            # exp of a negative number only: no overflow either way.
            small = np.exp(-np.abs(logits))
            return np.asarray(np.where(logits >= 0, 1, small) / (1 + small), np.float32)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def unit(rows: Float32) -> Float32:
    """Rows [N, D] scaled to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths == 0, 1, lengths), np.float32)
