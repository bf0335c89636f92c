"""What the description of the HTTP interface says of keys, where the server asks for them."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from service.access.guard import OPEN_PATHS

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a token of the provider."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def describe_access(app: FastAPI) -> None:
    """Let the description of ``app`` name the ways to say who asks, and the paths that ask nobody."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        is_new = app.openapi_schema is None
        schema = described()
        if is_new:
            schema.setdefault("components", {})["securitySchemes"] = _SCHEMES
            schema["security"] = [{name: []} for name in _SCHEMES]
            for path in OPEN_PATHS & schema["paths"].keys():
                for operation in schema["paths"][path].values():
                    operation["security"] = []
        return schema

    app.openapi = openapi
