"""A provider of OpenID Connect on loopback: discovery, authorize, token, keys. It signs with RS256, and refuses.

    with OidcServer({"anna": {"name": "Anna", "email": "anna@post.example", "email_verified": True}}) as provider:
        provider.secrets(redirect_uri)   # what an app has in its secrets.toml to use it

Whoever comes to `/authorize` chooses who they are from a list. A code is good once, for the client, the address and the
proof (PKCE) that it was asked for with.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "broadsheet", "a-secret-of-the-client"


@dataclass(frozen=True)
class Code:
    """What a code was given for."""

    user: str
    redirect_uri: str
    nonce: str
    challenge: str


class OidcServer:
    """The provider; it runs inside `with`. `users` are claims by subject; `refused` says why codes were not taken."""

    def __init__(self, users: Mapping[str, Mapping[str, Any]]) -> None:
        self.users = users
        self.refused: list[str] = []
        self.tokens = 0
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self._codes: dict[str, Code] = {}
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def secrets(self, redirect_uri: str) -> str:
        """The section `[auth]` of an app's secrets."""
        return (
            f'[auth]\nredirect_uri = "{redirect_uri}"\ncookie_secret = "{secrets.token_hex(16)}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{self.issuer}/.well-known/openid-configuration"\n'
        )

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def code(self, user: str, asked: Mapping[str, str]) -> str:
        code = secrets.token_urlsafe(24)
        self._codes[code] = Code(user, asked["redirect_uri"], asked.get("nonce", ""), asked.get("code_challenge", ""))
        return code

    def token(self, form: Mapping[str, str]) -> dict[str, Any] | None:
        """Tokens for a code; None, and the reason kept, if it is not taken."""
        code = self._codes.pop(form.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        for wrong, why in (
            (code is None, "no such code, or it was used"),
            (form.get("grant_type") != "authorization_code", "another grant"),
            (code and code.redirect_uri != form.get("redirect_uri"), "another address"),
            (code and proof.rstrip(b"=").decode() != code.challenge, "no proof"),
        ):
            if wrong:
                self.refused.append(why)
                return None
        assert code is not None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": code.user, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": code.nonce,
            **self.users[code.user],
        }  # fmt: skip
        self.tokens += 1
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return {"access_token": secrets.token_hex(8), "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: OidcServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        if parts.path == "/.well-known/openid-configuration":
            self._json(200, self.owner.metadata())
        elif parts.path == "/keys":
            self._json(200, KeySet([self.owner.key]).as_dict(private=False))
        elif parts.path == "/authorize" and self._may(asked):
            links = "".join(
                f'<p><a href="/chosen?{html.escape(urlencode({**asked, "user": user}))}">I am {html.escape(user)}</a>'
                for user in self.owner.users
            )
            self._send(200, "text/html", f"<!doctype html><title>Who are you?</title>{links}".encode())
        elif parts.path == "/chosen" and self._may(asked) and asked.get("user") in self.owner.users:
            code = self.owner.code(asked["user"], asked)
            back = urlencode({"code": code, "state": asked.get("state", "")})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.end_headers()
        else:
            self._json(404, {"error": "not_found"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {basic}" or (
            (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        )
        if self.path != "/token" or not known:
            self._json(401, {"error": "invalid_client"})
        elif tokens := self.owner.token(form):
            self._json(200, tokens)
        else:
            self._json(400, {"error": "invalid_grant"})

    def _may(self, asked: Mapping[str, str]) -> bool:
        return (
            asked.get("client_id") == CLIENT
            and asked.get("response_type") == "code"
            and "openid" in asked.get("scope", "")
            and asked.get("code_challenge_method") == "S256"
            and urlsplit(asked.get("redirect_uri", "")).hostname == "127.0.0.1"
        )

    def _json(self, status: int, body: object) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
