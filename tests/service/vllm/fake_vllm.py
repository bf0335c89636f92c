"""Stands in for vLLM's server: answers /health, and does what the file beside it says."""

from __future__ import annotations

import http.server
import os
import sys
import threading
import time
from pathlib import Path


def main() -> None:
    port, orders = int(sys.argv[sys.argv.index("--port") + 1]), Path(os.environ["ORDERS"])
    with orders.with_suffix(".starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    print("loading the weights", flush=True)
    if orders.read_text() == "fail":
        sys.exit("there are no weights")
    if orders.read_text() == "raise":
        sys.exit("(Worker) ERROR ValueError: no memory is left\nRuntimeError: the engine failed\nexit")

    class Health(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if orders.read_text() == "silent":
                time.sleep(60)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Health)
    server.daemon_threads = True
    threading.Thread(target=_die_when_told, args=(orders,), daemon=True).start()
    server.serve_forever()


def _die_when_told(orders: Path) -> None:
    while orders.read_text() != "die":
        time.sleep(0.02)
    orders.write_text("run")
    os._exit(3)


main()
