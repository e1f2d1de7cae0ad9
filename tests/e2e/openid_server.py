"""An OpenID provider on this machine, as Hugging Face is one to a Space: asks nothing, says who comes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = {"OAUTH_CLIENT_ID": "the-space", "OAUTH_CLIENT_SECRET": "known-to-the-space-alone"}


class OpenIdProvider(ThreadingHTTPServer):
    """username: who comes next."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.username = ""
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "only"})
        self.nonces: dict[str, str] = {}
        """Code to the nonce of the request that it answers."""


class _Answers(BaseHTTPRequestHandler):
    server: OpenIdProvider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        match address.path:
            case "/.well-known/openid-configuration":
                self._answer(
                    {
                        "issuer": self.server.url,
                        "authorization_endpoint": f"{self.server.url}/authorize",
                        "token_endpoint": f"{self.server.url}/token",
                        "jwks_uri": f"{self.server.url}/keys",
                    }
                )
            case "/keys":
                self._answer({"keys": [self.server.key.as_dict(private=False)]})
            case "/authorize":
                code = f"code-{len(self.server.nonces)}"
                self.server.nonces[code] = asked["nonce"]
                answer = urlencode({"code": code, "state": asked["state"]})
                joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}{joint}{answer}")
                self.end_headers()

    def do_POST(self) -> None:
        """/token"""
        given = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        claims = {
            "iss": self.server.url,
            "sub": f"id of {self.server.username}",
            "aud": CLIENT["OAUTH_CLIENT_ID"],
            "iat": int(time.time()),
            "exp": int(time.time()) + 3600,
            "nonce": self.server.nonces.pop(given["code"][0]),
            "name": self.server.username.title(),
            "preferred_username": self.server.username,
            "profile": f"{self.server.url}/{self.server.username}",
            "picture": "",
        }
        token = {
            "access_token": "opaque",
            "token_type": "bearer",
            "scope": "openid profile",
            "expires_in": 3600,
        }
        header = {"alg": "RS256", "kid": "only"}
        self._answer({**token, "id_token": jwt.encode(header, claims, self.server.key)})

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def openid_provider() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
