"""The same app for those who host it themselves, behind a second wall and with what watches it: streamlit run asgi.py.

`app.py` lets nothing foreign onto a page by itself. Here the browser is told so too: with each response goes a policy
by which a page may load, run and connect to nothing but its own server. Should text of a feed or a model ever come
alive, its pictures, scripts and requests are refused by the browser.

`/ready` says whether this process can serve. `/metrics` has its figures, where prometheus-client is installed; it is
not for the world, and the proxy keeps it inside.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.util import find_spec
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import logs
from news.fetch import says_yes
from pages import now, services, setting
from pages.parts.reader import BadSetting
from storage.engine import StorageError, check

_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def policy(page: str, *, pictures: bool) -> str:
    """The Content-Security-Policy for Streamlit's `page`, whose own inline scripts are named by their SHA-256.

    With `pictures` the outlets' pictures may be loaded, which Settings then offers; without, none but our own.
    """
    scripts = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in _INLINE.findall(page)
    )
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: {scripts}".rstrip(),  # blob: the one component's constant script
            "style-src 'self' 'unsafe-inline'",  # Streamlit writes its styles into the page
            f"img-src 'self' data: blob:{' https: http:' if pictures else ''}",
            "font-src 'self' data:",
            "media-src 'self' data: blob:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'self'",
            "frame-ancestors 'self'",
        )
    )


class Wall:
    """Sets the headers of every HTTP response."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its response with the headers."""

        async def walled(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        await self.app(scope, receive, walled if scope["type"] == "http" else send)


def ready(_: Request) -> Response:
    """Whether the database answers and is as this version made it: 200, or 503 with a sentence."""
    try:
        check(services().store.engine)
    except (StorageError, BadSetting) as error:
        return PlainTextResponse(f"{error}\n", 503)
    return PlainTextResponse("ready\n")


def standing() -> dict[str, tuple[str, float]]:
    """What is so now, for `/metrics`."""
    part = services()
    told: dict[str, tuple[str, float]] = {
        "streams_running": ("Answers being written", part.slots.running),
        "streams_waiting": ("Answers waiting in line", part.slots.waiting),
    }
    try:
        told["feeds_due"] = ("Feeds that are due", len(part.store.due(now())))
    except StorageError:
        return told  # `/ready` says so
    return told


ROUTES = [Route("/ready", ready)]
if find_spec("prometheus_client"):
    from metrics import CONTENT_TYPE, Metrics

    METRICS = Metrics(standing)
    METRICS.begin()
    ROUTES.append(Route("/metrics", lambda _: Response(METRICS.page(), media_type=CONTENT_TYPE)))

PAGE = Path(st.__file__).parent / "static" / "index.html"
HEADERS = {
    "Content-Security-Policy": policy(PAGE.read_text("utf-8"), pictures=says_yes(setting("ALLOW_PICTURES"))),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}
logs.begin()
app = st.App(Path(__file__).parent / "app.py", routes=ROUTES, middleware=[Middleware(Wall, headers=HEADERS)])
