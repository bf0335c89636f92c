"""Load a library that only an extra installs, or say which extra to install."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from ingest.errors import MissingExtraError


def require(module: str, *, extra: str) -> ModuleType:
    """Import ``module``.

    Raises:
        MissingExtraError: ``module`` is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{error.name or module} is not installed, and this feature needs it: "
            f'install it with pip install "troika[{extra}]".'
        ) from error


def is_installed(module: str) -> bool:
    """Whether ``module`` could be imported, without importing it."""
    return importlib.util.find_spec(module) is not None
