"""A quote is shown where it stands: its words by offsets and hash, its lines by boxes on the drawn page."""

import asyncio
import hashlib
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from secretariat.platform.documents import reading
from secretariat.platform.services import Services
from secretariat.retrieval.errors import DocumentRejectedError
from secretariat.retrieval.parse import DEFAULT_LIMITS
from secretariat.retrieval.parse.page_child import MOST_PIXELS
from secretariat.retrieval.parse.render import NoSuchPageError, render
from tests.platform.documents.steps import audited, found, ingested, make_collection
from tests.retrieval import files
from tests.support.factories import Person

PDF = "application/pdf"
SENTENCE = "Paragraph two of page 2 stands apart."


async def policy(services: Services, owner: Person, folder: Path) -> dict[str, Any]:
    data = files.pdf(folder / "policy.pdf").read_bytes()
    made = await ingested(
        services, owner, await make_collection(owner), data=data, name="policy.pdf", media_type=PDF
    )
    assert made["status"] == "ready", made
    return made


def drawn(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "no-store"
    return Image.open(io.BytesIO(answer.content)).convert("L")


def ink(image: Image.Image) -> float:
    """The share of dark pixels."""
    return sum(image.histogram()[:128]) / (image.width * image.height)


async def test_a_quote_is_found_again_on_its_page(services: Services, owner: Person, tmp_path: Path) -> None:
    made = await policy(services, owner, tmp_path)
    path = f"/api/v1/documents/{made['id']}"
    text = (await owner.client.get(f"{path}/text")).json()
    start = text["text"].index(SENTENCE)
    span = {"start": start, "end": start + len(SENTENCE)}
    digest = hashlib.sha256(SENTENCE.encode()).hexdigest()

    quote = (await owner.client.get(f"{path}/passages", params=span | {"sha256": digest})).json()
    assert (quote["text"], quote["sha256"], quote["verified"], quote["page"]) == (SENTENCE, digest, True, 2)
    (page,) = quote["pages"]
    assert page["number"] == 2
    assert page["width"] == pytest.approx(595, abs=1)
    (box,) = page["boxes"]

    image = drawn(await owner.client.get(f"{path}/pages/2/image", params={"scale": 2}))
    assert image.size == (round(2 * page["width"]), round(2 * page["height"]))
    left, top, right, bottom = (2 * box[side] for side in ("left", "top", "right", "bottom"))
    assert ink(image.crop((left, top, right, bottom))) > 0.05
    gap = image.crop((left, top - 14, right, top - 4))  # between the paragraphs
    assert ink(gap) == 0

    other = (await owner.client.get(f"{path}/passages", params=span | {"sha256": "0" * 64})).json()
    assert other["verified"] is False
    assert [one["details"]["page"] for one in await audited(services, owner, "document.page")] == [2]
    (first, _) = await audited(services, owner, "document.passage")
    assert first["event_type"] == "DATA_ACCESS"
    assert (first["details"]["start"], first["details"]["end"]) == (span["start"], span["end"])
    assert SENTENCE not in str(first)

    chunks = (await owner.client.get(f"{path}/chunks")).json()["data"]
    (chunk,) = [one for one in chunks if one["start"] <= start < one["end"]]
    assert {key: box[key] for key in box} in chunk["boxes"]
    there = (await owner.client.get(f"{path}/chunks", params={"start": start, "end": start + 1})).json()[
        "data"
    ]
    assert [one["id"] for one in there] == [chunk["id"]]
    spans = [one["details"].get("start") for one in await audited(services, owner, "document.chunks")]
    assert start in spans
    passages = (await found(owner, SENTENCE, boxes=True))["passages"]
    (passage,) = [one for one in passages if one["chunk_id"] == chunk["id"]]
    assert passage["boxes"] == chunk["boxes"]
    assert all(one["boxes"] == [] for one in (await found(owner, SENTENCE))["passages"])


async def test_a_format_without_pages_has_quotes_without_boxes(services: Services, owner: Person) -> None:
    made = await ingested(services, owner, await make_collection(owner))
    path = f"/api/v1/documents/{made['id']}"
    text = (await owner.client.get(f"{path}/text")).json()["text"]
    quote = (await owner.client.get(f"{path}/passages", params={"start": 3, "end": 9})).json()
    assert (quote["text"], quote["pages"], quote["page"]) == (text[3:9], [], None)
    assert quote["verified"] is None
    beyond: dict[str, int | str] = {
        "start": len(text) + 5,
        "end": len(text) + 9,
        "sha256": hashlib.sha256(b"").hexdigest(),
    }
    nothing = (await owner.client.get(f"{path}/passages", params=beyond)).json()
    assert (nothing["text"], nothing["verified"]) == ("", False)
    image = await owner.client.get(f"{path}/pages/1/image")
    assert (image.status_code, image.json()["code"]) == (409, "NO_PAGES")


async def test_pages_are_drawn_in_confinement(tmp_path: Path) -> None:
    def opened(data: bytes) -> io.BufferedRandom:
        place = tmp_path / hashlib.sha256(data).hexdigest()
        place.write_bytes(data)
        return place.open("r+b")

    policy = files.pdf(tmp_path / "policy.pdf").read_bytes()
    with opened(policy) as source, pytest.raises(NoSuchPageError):
        await render(source, 4, 1)
    with opened(policy[:400]) as source, pytest.raises(DocumentRejectedError):
        await render(source, 1, 1)
    huge = policy.replace(b"/MediaBox [0 0 595.28 841.89]", b"/MediaBox [0 0 14400 14400]  ")
    assert huge != policy
    with opened(huge) as source:
        image = Image.open(io.BytesIO(await render(source, 1, 4)))
        assert image.width * image.height <= MOST_PIXELS * 1.01


async def test_a_page_that_waits_for_its_turn_is_asked_about_then(
    services: Services, owner: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await policy(services, owner, tmp_path)
    path = f"/api/v1/documents/{made['id']}"
    gate = asyncio.Semaphore(0)
    monkeypatch.setattr(reading, "_PAGES_AT_ONCE", gate)
    asked = asyncio.create_task(owner.client.get(f"{path}/pages/1/image"))
    await asyncio.sleep(0.3)
    assert (await owner.client.delete(path)).is_success
    gate.release()
    assert (await asked).status_code == 404
    assert await audited(services, owner, "document.page") == []


async def test_a_large_file_s_pages_are_shown_as_its_text_is_read(
    services: Services, owner: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may be uploaded is one limit for both."""
    made = await policy(services, owner, tmp_path)
    monkeypatch.setattr(reading, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, file_bytes=500))
    assert (await owner.client.get(f"/api/v1/documents/{made['id']}/pages/1/image")).status_code == 200


async def test_a_slow_reader_of_a_file_holds_no_connection(
    services: Services, owner: Person, tmp_path: Path
) -> None:
    made = await policy(services, owner, tmp_path)
    request = owner.client.build_request("GET", f"/api/v1/documents/{made['id']}/content")
    held: list[int] = []
    taken = bytearray()

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            held.append(services.database.engine.pool.checkedout())  # type: ignore[attr-defined]
            taken.extend(message["body"])

    scope = {
        "type": "http", "method": "GET", "path": request.url.path, "raw_path": request.url.raw_path,
        "query_string": b"", "scheme": request.url.scheme, "http_version": "1.1", "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 1), "server": (request.url.host, 80),
    }  # fmt: skip
    await owner.client._transport.app(scope, receive, send)  # type: ignore[attr-defined]
    assert taken.startswith(b"%PDF-")
    assert set(held) == {0}
