"""A small client of our own public API."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

_ENDED = ("completed", "failed", "cancelled")
_PATIENCE_SECONDS = 600


class ApiRefusedError(Exception):
    """The service said no; the message is its own."""


class Api:
    """Raises ApiRefusedError, httpx.TransportError."""

    def __init__(self, base_url: str, key: str) -> None:
        self._http = httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, timeout=60)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._json(self._http.get(path, params=query))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._json(self._http.post(path, json=body))

    def send(self, path: str, data: dict[str, str], files: dict[str, tuple[str, bytes]]) -> dict[str, Any]:
        """A form."""
        return self._json(self._http.post(path, data=data, files=files))

    def upload(self, collection_id: str, path: Path, name: str, media_type: str) -> dict[str, Any]:
        with path.open("rb") as file:
            response = self._http.post(
                "/api/v1/documents",
                data={"collection_id": collection_id},
                files={"file": (name, file, media_type)},
            )
        return self._json(response)

    def every(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        query = {"limit": 100, **query}
        while True:
            page = self.get(path, **query)
            yield from page["data"]
            if not page["has_more"]:
                return
            query["after"] = page["last_id"]

    def download(self, path: str, target: Path) -> None:
        with self._http.stream("GET", path) as response:
            if not response.is_success:
                response.read()
                self._json(response)
            with target.open("wb") as file:
                for piece in response.iter_bytes():
                    file.write(piece)

    def events(self, task_id: str) -> Iterator[dict[str, Any]]:
        """The task's events as they happen; takes up again after a break where it was."""
        seen = 0
        while True:
            for event in self.follow(f"/api/v1/tasks/{task_id}/events", seen):
                seen = event["seq"]
                yield event
                if event["type"].removeprefix("task.") in _ENDED:
                    return

    def follow(self, path: str, after: int = 0) -> Iterator[dict[str, Any]]:
        """The events of a stream above a number, until it ends or breaks."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self._http.stream("GET", path, headers=headers) as response:
            if not response.is_success:
                response.read()
                self._json(response)
            for line in response.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    def until(self, path: str, ended: tuple[str, ...]) -> dict[str, Any]:
        """Ask until the thing's status is one of `ended`."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            thing = self.get(path)
            if thing["status"] in ended:
                return thing
            time.sleep(0.1)
        raise ApiRefusedError(f"{path} did not end within {_PATIENCE_SECONDS} s.")

    def changing(self, path: str, ended: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        """The thing again and again, until its status is one of `ended`; however long that takes."""
        while True:
            thing = self.get(path)
            yield thing
            if thing["status"] in ended:
                return
            time.sleep(0.5)

    @staticmethod
    def _json(response: httpx.Response) -> dict[str, Any]:
        body: dict[str, Any] = response.json()
        if not response.is_success:
            raise ApiRefusedError(f"{response.status_code} {body.get('code')}: {body.get('detail')}")
        return body
