"""OpenVINO, imported without its usage reporter: Troika sends nothing anywhere that it was not told to.

OpenVINO reports an event when it is imported, if ``openvino-telemetry`` is there, which its wheel pulls in;
where that package cannot be imported, it uses a stub of its own. Import ``ov`` from here, never directly.
"""

from __future__ import annotations

import sys
from typing import Any, cast

# None is how the import system says that a module is absent.
cast("dict[str, Any]", sys.modules).setdefault("openvino_telemetry", None)

import openvino as ov  # noqa: E402

__all__ = ["ov"]
