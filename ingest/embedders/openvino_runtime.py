"""OpenVINO, imported without its usage reporter and without its conversion tools; import ``ov`` from here.

Troika sends nothing anywhere that it was not told to, and OpenVINO reports an event when it is imported, if
``openvino-telemetry`` is there, which its wheel pulls in; where that package cannot be imported, it uses a
stub of its own. The conversion tools take as long to import as all the rest, and are for an export alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any, cast

_CONVERSION = "openvino.tools.ovc"

# None is how the import system says that a module is absent.
_modules = cast("dict[str, Any]", sys.modules)
_modules.setdefault("openvino_telemetry", None)
_modules.setdefault(_CONVERSION, None)

import numpy as np  # noqa: E402
import openvino as ov  # noqa: E402

if _modules[_CONVERSION] is None:
    del _modules[_CONVERSION]

# Two threads that pass OpenVINO their first array at the same time wait for each other for ever: its bindings
# look NumPy up then, with the interpreter's lock let go and a lock of C++ held. Here one thread is alone.
_ = cast("Any", ov).Tensor(np.zeros(1, dtype=np.int64)).data

__all__ = ["convert_model", "ov"]


def convert_model() -> Callable[..., ov.Model]:
    """The function of OpenVINO that converts a model, imported now."""
    return cast("Any", importlib.import_module(_CONVERSION)).convert_model
