"""The tracking services that a run can be kept in; light, for the command line."""

from __future__ import annotations

from enum import StrEnum


class SinkKind(StrEnum):
    """The services there are adapters for; each is set up by its own environment variables."""

    MLFLOW = "mlflow"
    WANDB = "wandb"
