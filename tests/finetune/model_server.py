"""A stand-in for an OpenAI-compatible model server, which answers what a function says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from service.generate import Message

Reply = Callable[[Sequence[Message]], str]


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_POST(self) -> None:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["content-length"])))
        messages = [Message(turn["role"], turn["content"]) for turn in body["messages"]]
        delta = {"choices": [{"delta": {"content": self.server.reply(messages)}}]}
        usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}}
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        lines = [f"data: {json.dumps(delta)}", f"data: {json.dumps(usage)}", "data: [DONE]", ""]
        self.wfile.write("\n\n".join(lines).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, reply: Reply) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = reply


@contextmanager
def model_server(reply: Reply) -> Iterator[str]:
    """Serve ``reply`` while the block runs; yields the address for ``generator.base_url``."""
    server = _Server(reply)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
