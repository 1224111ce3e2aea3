"""A newsstand of invented feeds in a process of its own, so that serving costs the measured process nothing.

`python -m tests.bench.stand FEEDS ITEMS HOSTS SECONDS` prints its port and serves /N.xml on so many addresses of
loopback, with ETags, each answer after so many seconds, until its standard input ends or ten minutes have passed.
"""

from __future__ import annotations

import hashlib
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.bench.press import Press

LASTS_S = 600.0


class Stand:
    """The stand, seen from the process that measures; `urls` are its feeds, in turn from so many hosts."""

    def __init__(self, feeds: int, items: int, *, hosts: int = 1, delay_s: float = 0.0) -> None:
        self.feeds, self.items, self.hosts, self.delay_s = feeds, items, hosts, delay_s
        self.urls: list[str] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "tests.bench.stand",
                *map(str, (self.feeds, self.items, self.hosts, self.delay_s)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        self.urls = [f"http://{_address(n % self.hosts)}:{port}/{n}.xml" for n in range(self.feeds)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()


def _address(host: int) -> str:
    return f"127.0.{host // 250}.{host % 250 + 1}"


def serve(feeds: int, items: int, hosts: int, delay_s: float) -> None:
    """Serve until the caller is gone."""
    press = Press()
    bodies = {f"/{n}.xml": press.rss(n, items) for n in range(feeds)}
    tags = {path: f'"{hashlib.sha256(body).hexdigest()[:20]}"' for path, body in bodies.items()}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body, tag = bodies[self.path], tags[self.path]
            time.sleep(delay_s)
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

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing: workers are killed in the middle of an answer."""

    server = Server((_address(0), 0), Handler)
    port = server.server_address[1]
    waiting = selectors.DefaultSelector()
    waiting.register(server.socket, selectors.EVENT_READ, server.socket)
    for host in range(1, hosts):
        more = socket.create_server((_address(host), port), backlog=128)
        waiting.register(more, selectors.EVENT_READ, more)
    print(port, flush=True)
    threading.Timer(LASTS_S, os._exit, (0,)).start()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    while True:
        for key, _ in waiting.select():
            server.process_request(*key.data.accept())


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:4]), float(sys.argv[4]))
