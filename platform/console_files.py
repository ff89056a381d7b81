"""Serves the built console: its files as they are, its start page for every path of its own."""

from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from secretariat.platform.web.middleware import CONSOLE_SECURITY_POLICY

STATIC = Path(__file__).parent / "console" / "static"
_NOT_THE_CONSOLE = ("api", "v1", "auth", "scim", "docs", "openapi.json")
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_PAGE = {"cache-control": _ASK_AGAIN, "content-security-policy": CONSOLE_SECURITY_POLICY}
_NOT_BUILT = "<!doctype html><title>Secretariat</title><p>The console is not built. The API is at /docs.</p>"


def mount_console(app: FastAPI, static: Path = STATIC) -> None:
    """For whatever no route takes, so that a wrong method on a route stays a 405."""
    app.router.default = ConsoleFiles(static)


class ConsoleFiles:
    """Assets have a hash in their name and are kept by browsers; the start page is asked for again."""

    def __init__(self, static: Path) -> None:
        self._root = static.resolve()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        response = self._answer(scope["method"], scope["path"].lstrip("/"))
        await response(scope, receive, send)

    def _answer(self, method: str, path: str) -> Response:
        if method not in ("GET", "HEAD") or path.split("/", 1)[0] in _NOT_THE_CONSOLE or "\x00" in path:
            raise HTTPException(404)
        file = self._file(path)
        if file is not None:
            if file.suffix == ".html":
                return FileResponse(file, headers=_PAGE)
            kept = _FOREVER if path.startswith("assets/") else _ASK_AGAIN
            return FileResponse(file, headers={"cache-control": kept})
        if path.startswith("assets/"):
            raise HTTPException(404)
        start = self._root / "index.html"
        if not start.is_file():
            return HTMLResponse(_NOT_BUILT, headers=_PAGE)
        return FileResponse(start, headers=_PAGE)

    def _file(self, path: str) -> Path | None:
        """The file of that path, if it is one of the console's. Raises HTTPException."""
        try:
            file = (self._root / path).resolve()
            return file if path and file.is_relative_to(self._root) and file.is_file() else None
        except (OSError, ValueError) as cause:  # a name too long for the file system, or not a name at all
            raise HTTPException(404) from cause
