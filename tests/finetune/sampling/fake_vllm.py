"""Stands in for vLLM in a process of its own: started as vLLM is, it loads adapters and writes one answer.

What happens is appended to the file that FAKE_VLLM names: its start, with its process and its arguments, and
each adapter that it loads or gives up.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.service.routing.fake_model_server import FakeModelServer

ANSWER = ("In 1976", " [2].")


@dataclass
class FakeVllm(FakeModelServer):
    """A model server that says whether it is well, and tells what is loaded."""

    tell: Callable[[object], None] = print

    async def _reply(self, path: str, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        if path == "/health":
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        before = len(self.changes)
        await super()._reply(path, body, writer)
        for change in self.changes[before:]:
            self.tell(change)


def vllm_python(folder: Path) -> Path:
    """A file to name as ``vllm.python``, which starts this fake in its place."""
    path = folder / "fake-vllm-python"
    root = Path(__file__).parents[3]
    path.write_text(f'#!/bin/sh\ncd {root}\nexec {sys.executable} -m {__name__} "$@"\n')
    path.chmod(0o755)
    return path


async def _serve() -> None:
    def argument(name: str) -> str:
        return sys.argv[sys.argv.index(name) + 1]

    def tell(what: object) -> None:
        with Path(os.environ["FAKE_VLLM"]).open("a") as log:
            log.write(json.dumps(what) + "\n")

    server = FakeVllm(
        words=ANSWER,
        root=argument("--model"),
        base=argument("--served-model-name"),
        has_adapters="--enable-lora" in sys.argv,
        port=int(argument("--port")),
        tell=tell,
    )
    tell({"process": os.getpid(), "arguments": sys.argv})
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
