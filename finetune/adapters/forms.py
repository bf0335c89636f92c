"""In which forms a trained model is written."""

from __future__ import annotations

from enum import StrEnum


class WeightType(StrEnum):
    """What merged weights are rounded to."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class GgufForm(StrEnum):
    """What the matrices of a GGUF are written as; its vectors are always float32."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    Q8_0 = "q8_0"
