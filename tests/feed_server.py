"""A real HTTP(S) server on 127.0.0.1 for tests, with every fault that a feed reader meets.

    with FeedServer() as server:
        server.serve("/feed", feeds.rss(feeds.entry("One")), etag='"1"')
        server.redirect("/old", "/feed", status=301)
        server.fault("/slow", drip(b"<rss>", every_s=0.05))
        fetcher.get(server.url("/feed"))
        assert server.requests[0].headers["user-agent"]

A page answers conditional requests with 304 by itself. A fault is a function that is given the connection and writes
what it likes; it ends when the client leaves or the server stops, so that no test waits for one. Standard library only.
"""

from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Fault = Callable[["Connection"], None]


@dataclass(frozen=True)
class Request:
    """One request as it came in; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    client: tuple[str, int]


@dataclass
class Page:
    """What a path answers."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    last_modified: str = ""
    fault: Fault | None = None
    length: bool = True


class Connection:
    """The raw end of a connection, for faults."""

    def __init__(self, handler: BaseHTTPRequestHandler, stop: threading.Event) -> None:
        self._handler = handler
        self._stop = stop

    def send(self, data: bytes) -> bool:
        """Sends bytes as they are; False when the client or the server is gone."""
        if self._stop.is_set():
            return False
        try:
            self._handler.connection.sendall(data)
        except OSError:
            return False
        return True

    def head(self, status: str = "200 OK", **headers: str) -> bool:
        """A status line and headers; underscores in names stand for dashes."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.send("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1"))

    def wait(self, seconds: float) -> bool:
        """Waits, unless the server stops meanwhile (then False)."""
        return not self._stop.wait(seconds)

    def reset(self) -> None:
        """Ends the connection the hard way."""
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self._handler.connection.close()


class FeedServer:
    """Serves pages on 127.0.0.1 at a port of its own from `with` to the end of it. `tls`: (certificate, key) files."""

    def __init__(self, *, tls: tuple[Path, Path] | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self._stop = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                owner.connections += 1

            def do_GET(self) -> None:
                owner._answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

            def handle_error(self, *_: Any) -> None:
                pass  # clients leave in the middle of an answer here; that is what is tested

            def get_request(self) -> tuple[Any, Any]:
                sock, address = super().get_request()
                if context:
                    # The handshake belongs into the connection's thread: one that fails must not stop the server.
                    sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
                return sock, address

        context: ssl.SSLContext | None = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*map(str, tls))
        self._scheme = "https" if tls else "http"
        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> FeedServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str = "/", *, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def serve(
        self,
        path: str,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        etag: str = "",
        last_modified: str = "",
        length: bool = True,
    ) -> str:
        """From now on `path` answers this; without `length` the body ends with the connection. Returns the URL."""
        self.pages[path] = Page(body, status, headers or {}, etag, last_modified, length=length)
        return self.url(path)

    def redirect(self, path: str, to: str, *, status: int = 302) -> str:
        return self.serve(path, status=status, headers={"Location": to})

    def fault(self, path: str, fault: Fault) -> str:
        self.pages[path] = Page(fault=fault)
        return self.url(path)

    def clear(self) -> None:
        """Forgets all pages and requests, for a server that several tests share."""
        self.pages.clear()
        self.requests.clear()
        self.connections = 0

    def paths(self) -> list[str]:
        """The paths asked for, in order."""
        return [request.path for request in self.requests]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append(Request(handler.command, handler.path, headers, handler.client_address))
        page = self.pages.get(handler.path) or self.pages.get("*")
        if page is None:
            page = Page(b"nothing here", 404)
        if page.fault:
            handler.close_connection = True
            page.fault(Connection(handler, self._stop))
            return
        unchanged = (page.etag and headers.get("if-none-match") == page.etag) or (
            page.last_modified and headers.get("if-modified-since") == page.last_modified
        )
        handler.send_response(304 if unchanged else page.status)
        for name, value in page.headers.items():
            handler.send_header(name, value)
        if page.etag:
            handler.send_header("ETag", page.etag)
        if page.last_modified:
            handler.send_header("Last-Modified", page.last_modified)
        if unchanged:
            handler.end_headers()
            return
        if page.length:
            handler.send_header("Content-Length", str(len(page.body)))
        else:
            handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(page.body)


# ---------------------------------------------------------------- faults


def says(data: bytes) -> Fault:
    """Exactly these bytes, then the end."""
    return lambda connection: (connection.send(data), None)[1]


def drip(
    body: bytes, *, every_s: float, headers: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
) -> Fault:
    """Headers at once, then one byte after the other, over and over."""

    def fault(connection: Connection) -> None:
        alive = connection.send(headers)
        while alive:
            for byte in body:
                alive = connection.wait(every_s) and connection.send(bytes([byte]))
                if not alive:
                    break

    return fault


def hang(connection: Connection) -> None:
    """Takes the question and never answers."""
    connection.wait(60)


def slow_headers(connection: Connection) -> None:
    """A status line, and then one header after the other for ever, none of them late enough for a socket timeout."""
    alive = connection.send(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while alive:
        number += 1
        alive = connection.wait(0.05) and connection.send(b"X-%d: y\r\n" % number)


def long_headers(size: int) -> Fault:
    """One header of `size` bytes, then a page."""
    return says(b"HTTP/1.1 200 OK\r\nX-Long: " + b"y" * size + b"\r\nContent-Length: 2\r\n\r\nok")


def many_headers(connection: Connection) -> None:
    """Headers of a sane length each, without end."""
    alive = connection.send(b"HTTP/1.1 200 OK\r\n")
    while alive:
        alive = connection.send(b"X-More: and more\r\n" * 100)


def endless_continue(connection: Connection) -> None:
    """The answer before the answer, for ever."""
    alive = True
    while alive:
        alive = connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def endless_chunks(connection: Connection) -> None:
    """A chunked body without a last chunk."""
    alive = connection.head(Transfer_Encoding="chunked")
    while alive:
        alive = connection.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")


def endless_trailer(connection: Connection) -> None:
    """A chunked body that ends, and trailers that do not."""
    alive = connection.head(Transfer_Encoding="chunked") and connection.send(b"2\r\nok\r\n0\r\n")
    while alive:
        alive = connection.send(b"X-Trailer: and more\r\n" * 100)


def coded(body: bytes, coding: str) -> Fault:
    """A body that says it is in `coding`, whatever it is."""

    def fault(connection: Connection) -> None:
        connection.head(Content_Encoding=coding, Content_Length=str(len(body)))
        connection.send(body)

    return fault


def endless_gzip(connection: Connection) -> None:
    """A gzip stream that never ends and never yields more than zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    alive = connection.head(Content_Encoding="gzip")
    while alive:
        alive = connection.send(packer.compress(bytes(2**20)) + packer.flush(zlib.Z_SYNC_FLUSH))


@cache
def bomb(megabytes: int, *, layers: int = 1) -> bytes:
    """Zeros, gzipped `layers` times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()
    for _ in range(layers - 1):
        body = gzip.compress(body, 9)
    return body


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


def reset(connection: Connection) -> None:
    """Says half of something and slams the door."""
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.reset()


def silent_once(then: bytes) -> Fault:
    """Closes the connection without a word the first time, as servers do with one kept open too long; then answers."""
    asked: list[Connection] = []

    def fault(connection: Connection) -> None:
        asked.append(connection)
        if len(asked) > 1:
            connection.head(Content_Length=str(len(then)))
            connection.send(then)

    return fault


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


# ---------------------------------------------------------------- certificates


@dataclass(frozen=True)
class Certificates:
    """Certificates signed by an authority of the test's own, (certificate, key) each."""

    authority: Path
    good: tuple[Path, Path]
    other_host: tuple[Path, Path]
    expired: tuple[Path, Path]
    self_signed: tuple[Path, Path]


def certificates(folder: Path) -> Certificates:
    """Made with the openssl command; skips the test where there is none."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")

    def run(*args: str) -> None:
        subprocess.run([openssl, *args], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority", "-days", "2")
    run("req", "-x509", *key, "-keyout", "self.key", "-out", "self.pem", "-subj", "/CN=127.0.0.1", "-days", "2",
        "-addext", "subjectAltName=IP:127.0.0.1")  # fmt: skip
    for name, alternative, days in (
        ("good", "IP:127.0.0.1,DNS:feeds.example", "2"),
        ("other", "DNS:elsewhere.example", "2"),
        ("expired", "IP:127.0.0.1", "-1"),
    ):
        (folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
        run("req", "-new", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", f"{name}.pem", "-days", days, "-extfile", f"{name}.ext")  # fmt: skip

    def pair(name: str) -> tuple[Path, Path]:
        return folder / f"{name}.pem", folder / f"{name}.key"

    return Certificates(folder / "ca.pem", pair("good"), pair("other"), pair("expired"), pair("self"))
