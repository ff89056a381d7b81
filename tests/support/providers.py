"""An OpenID provider on loopback that follows the protocol, except where a test tells it to cheat."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID = "secretariat-client"
CLIENT_SECRET = "a-client-secret-of-enough-length+/%"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class LoopbackProvider:
    """`claims` replaces claims of the next tokens (None removes one); `sign` replaces the signing."""

    issuer: str = ""
    subject: str = "subject-1"
    email: str | None = "newcomer@example.com"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    algorithm: str = "RS256"
    published: list[dict[str, Any]] | None = None
    sends_iss: bool = False
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)

    def authorize(self, url: str) -> dict[str, str]:
        """The person agrees; what the provider sends back through the browser."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        answer = {"code": code, "state": query["state"]}
        return answer | ({"iss": self.issuer} if self.sends_iss else {})

    def answer(self, method: str, path: str, headers: Any, body: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, self._document()
        if path == "/jwks":
            keys = self.published if self.published is not None else [self.key.as_dict(private=False)]
            return 200, {"keys": keys}
        if path == "/userinfo":
            return 200, {"sub": self.subject, **self.userinfo}
        if path == "/token" and method == "POST":
            return self._token(headers.get("Authorization", ""), parse_qs(body))
        return 404, {}

    def _document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "authorization_response_iss_parameter_supported": self.sends_iss,
            **self.document,
        }

    def _token(self, authorization: str, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        begun = self.codes.pop(form["code"][0], None)
        challenge = b64(hashlib.sha256(form["code_verifier"][0].encode()).digest())
        if begun is None or challenge != begun["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"][0] != begun["redirect_uri"] or not authorization.startswith("Basic "):
            return 401, {"error": "invalid_client"}
        self.verified.append(form["code"][0])
        access_token = secrets.token_urlsafe(16)
        token = self.id_token(begun["nonce"])
        return 200, {"id_token": token, "access_token": access_token, "token_type": "Bearer"}

    def id_token(self, nonce: str) -> str:
        moment = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "iat": moment,
            "exp": moment + 300,
            "nonce": nonce,
            "email": self.email,
            "email_verified": True,
            "name": "New Comer",
        }
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode({"alg": self.algorithm, "kid": self.key.kid, **self.header}, claims, self.key)


def unsigned(claims: dict[str, Any]) -> str:
    header = b64(json.dumps({"alg": "none"}).encode())
    return f"{header}.{b64(json.dumps(claims).encode())}."


def hmac_signed(secret: bytes, **header: Any) -> Callable[[dict[str, Any]], str]:
    """By hand: libraries refuse to sign with a public key as the secret."""

    def sign(claims: dict[str, Any]) -> str:
        head = b64(json.dumps({"alg": "HS256", **header}).encode())
        signed = f"{head}.{b64(json.dumps(claims).encode())}"
        return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

    return sign


def signed_with(key: RSAKey | ECKey, algorithm: str, **header: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: jwt.encode({"alg": algorithm, **header}, claims, key, algorithms=[algorithm])


@contextmanager
def running_provider() -> Iterator[LoopbackProvider]:
    provider = LoopbackProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._give("")

        def do_POST(self) -> None:
            self._give(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _give(self, body: str) -> None:
            status, value = provider.answer(self.command, urlsplit(self.path).path, self.headers, body)
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
