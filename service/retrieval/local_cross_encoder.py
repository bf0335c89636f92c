"""Open a cross-encoder from a folder or the local hub cache, for whoever scores pairs of texts with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from sentence_transformers import CrossEncoder

from ingest.errors import ModelNotFoundError

_WINDOW = 512
"""Most tokens of a pair together; the longer text is cut. Passages are chunks, which are far shorter."""


def open_cross_encoder(model: str, *, kind: str, setting: str) -> Any:
    """The model as sentence-transformers gives it, which has no types.

    Args:
        kind: what the model is for, in the error's words: "reranking".
        setting: which setting names it.

    Raises:
        ModelNotFoundError: ``model`` is neither a folder with a model nor in the local hub cache.
    """
    try:
        opened = cast("Any", CrossEncoder(model, local_files_only=Path(model).is_dir()))
    except (OSError, ValueError) as error:
        raise ModelNotFoundError(
            f"the {kind} model {model!r} is neither a folder with a model nor in the local hub cache: "
            f"fetch it beforehand (hf download {model}) or set {setting} to its folder."
        ) from error
    opened.max_length = min(_WINDOW, opened.max_length or _WINDOW)
    return opened
