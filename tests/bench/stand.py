"""A newsstand of invented feeds in a process of its own, so that serving costs the measured process nothing.

`python -m tests.bench.stand FEEDS ITEMS` prints its port and serves /N.xml on loopback, with ETags, until its standard
input ends or ten minutes have passed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.bench.press import Press

LASTS_S = 600.0


class Stand:
    """The stand, seen from the process that measures; `urls` are its feeds."""

    def __init__(self, feeds: int, items: int) -> None:
        self.feeds, self.items = feeds, items
        self.urls: list[str] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.stand", str(self.feeds), str(self.items)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        self.urls = [f"http://127.0.0.1:{port}/{n}.xml" for n in range(self.feeds)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()


def serve(feeds: int, items: int) -> None:
    """Serve until the caller is gone."""
    press = Press()
    bodies = {f"/{n}.xml": press.rss(n, items) for n in range(feeds)}
    tags = {path: f'"{hashlib.sha256(body).hexdigest()[:20]}"' for path, body in bodies.items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body, tag = bodies[self.path], tags[self.path]
            same = self.headers.get("If-None-Match") == tag
            self.send_response(304 if same else 200)
            self.send_header("ETag", tag)
            self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
            self.send_header("Content-Length", "0" if same else str(len(body)))
            self.end_headers()
            if not same:
                self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Timer(LASTS_S, os._exit, (0,)).start()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
