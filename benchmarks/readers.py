"""Many readers of streamed answers at once, for as little of the cores that they share with the server as can be.

What comes is kept as it is and read once the clock has stopped. The same for every server.
"""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPResponse
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

PATH = "/v1/chat/completions"


def rate(address: str, headers: Mapping[str, str], bodies: Sequence[Mapping[str, Any]]) -> float:
    """Tokens a second of all answers together, prompts included in the time. One reader for each body.

    Raises ValueError where a stream isn't whole, or hasn't as many tokens as were asked for.
    """
    began, answers, ended = asyncio.run(_all(address, [_request(address, headers, body) for body in bodies]))
    made = [tokens_of(answer) for answer in answers]
    for count, body in zip(made, bodies, strict=True):
        if count != body["max_tokens"]:
            raise ValueError(f"{count} tokens instead of {body['max_tokens']}")
    return sum(made) / (ended - began)


async def _all(address: str, requests: Sequence[bytes]) -> tuple[float, list[bytes], float]:
    began = time.perf_counter()
    answers = await asyncio.gather(*(_read(address, request) for request in requests))
    return began, answers, time.perf_counter()


async def _read(address: str, request: bytes) -> bytes:
    """All that the server sends until it closes."""
    to = urlsplit(address)
    reader, writer = await asyncio.open_connection(to.hostname, to.port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


def _request(address: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    fields = {
        "Host": urlsplit(address).netloc, "Connection": "close", "Content-Type": "application/json",
        "Content-Length": str(len(content)), **headers,
    }  # fmt: skip
    lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + content


class _Received:
    """What HTTPResponse needs of a socket."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def makefile(self, _mode: str) -> BytesIO:
        return BytesIO(self._answer)


def tokens_of(answer: bytes) -> int:
    """The tokens that its usage says this streamed answer has, or 0. Raises ValueError where it isn't whole."""
    response = HTTPResponse(_Received(answer))  # type: ignore[arg-type]
    response.begin()
    content = response.read().decode()
    *events, done = [line.removeprefix("data: ") for line in content.splitlines() if line] or [""]
    if response.status != 200 or done != "[DONE]":
        raise ValueError(f"{response.status}: {content[-200:]}")
    chunks = [json.loads(event) for event in events]
    text = "".join(c["delta"].get("content") or "" for chunk in chunks for c in chunk["choices"])
    if not text:
        raise ValueError("an answer without text")
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    return int(usages[-1]["completion_tokens"]) if usages else 0
