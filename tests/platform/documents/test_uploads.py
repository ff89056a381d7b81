"""What is taken in, and what is refused with a problem that says what to do."""

import io
import zipfile

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from secretariat.platform.services import Services
from secretariat.platform.tables.contents import Blob
from secretariat.platform.tables.documents import Document
from tests.platform.documents.steps import (
    LEAVE,
    audited,
    carry_out,
    found,
    ingested,
    make_collection,
    upload,
)
from tests.support.factories import Person


def bomb_docx() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"<w>" + b"A" * 80_000_000 + b"</w>")
    return out.getvalue()


async def stored(services: Services, person: Person) -> tuple[int, int]:
    async with services.database.tenant(person.tenant.id) as session:
        documents = await session.scalar(select(func.count()).select_from(Document))
        blobs = await session.scalar(select(func.count()).select_from(Blob))
    return documents or 0, blobs or 0


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("name", "media_type", "data", "status", "code"),
    [
        ("empty.txt", "text/plain", b"", 422, "EMPTY_FILE"),
        ("tool.exe", "application/octet-stream", b"MZ\x90" + b"\0" * 60, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("photo.pdf", "application/pdf", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, 415, "MEDIA_TYPE_MISMATCH"),
        ("large.txt", "text/plain", b"word " * 62_000, 413, "FILE_TOO_LARGE"),
        ("huge.txt", "text/plain", b"word " * 300_000, 413, "FILE_TOO_LARGE"),
    ],
)
async def test_what_can_be_known_at_once_is_refused_at_once(
    services: Services, owner: Person, name: str, media_type: str, data: bytes, status: int, code: str
) -> None:
    collection_id = await make_collection(owner)
    answer = await upload(owner, collection_id, data, name, media_type)
    assert_problem(answer, status, code)
    assert await stored(services, owner) == (0, 0)


async def test_a_stream_without_a_length_stops_at_the_limit(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    taken = 0

    async def body():
        nonlocal taken
        yield (
            f'--x\r\nContent-Disposition: form-data; name="collection_id"\r\n\r\n{collection_id}\r\n'
            '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        ).encode()
        for _ in range(100):
            taken += 100_000
            yield b"a" * 100_000
        yield b"\r\n--x--\r\n"

    answer = await owner.client.post(
        "/api/v1/documents", content=body(), headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert_problem(answer, 413, "FILE_TOO_LARGE")
    assert taken < 1_000_000
    assert await stored(services, owner) == (0, 0)


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"{not json", "application/json", 400, "BAD_REQUEST"),
        (b"--x\r\nbroken", "multipart/form-data", 400, "BAD_REQUEST"),
        (b"--x--\r\n", "multipart/form-data; boundary=x", 422, "INVALID"),
    ],
)
async def test_a_body_that_is_no_form_is_a_problem(
    owner: Person, content: bytes, media_type: str, status: int, code: str
) -> None:
    answer = await owner.client.post(
        "/api/v1/documents", content=content, headers={"content-type": media_type}
    )
    assert_problem(answer, status, code)


async def test_invalid_json_is_a_problem(owner: Person) -> None:
    answer = await owner.client.post(
        "/api/v1/search", content=b"{oops", headers={"content-type": "application/json"}
    )
    assert_problem(answer, 422, "INVALID_REQUEST")


async def test_nobody_uploads_without_credentials_however_large(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post("/api/v1/documents", files={"file": ("a.txt", b"a" * 900_000)})
    assert answer.status_code == 401


async def test_a_collection_elsewhere_is_as_unknown_as_one_that_never_was(
    owner: Person, other_owner: Person
) -> None:
    theirs = await make_collection(other_owner)
    foreign = await upload(owner, theirs)
    unknown = await upload(owner, "01890000-0000-7000-8000-000000000000")
    assert_problem(foreign, 404, "NOT_FOUND")
    without_id = [{k: v for k, v in one.json().items() if k != "request_id"} for one in (foreign, unknown)]
    assert without_id[0] == without_id[1]


async def test_an_upload_becomes_a_document_that_search_finds(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    answer = await upload(owner, collection_id, name="../../etc/leave.md")
    assert answer.status_code == 202
    queued = answer.json()
    assert (queued["status"], queued["name"], queued["bytes"]) == ("queued", "leave.md", len(LEAVE))
    assert queued["progress"] == {"done": 0, "total": 0}
    await carry_out(services, owner, queued["id"])

    ready = (await owner.client.get(f"/api/v1/documents/{queued['id']}")).json()
    assert (ready["status"], ready["problem"], ready["progress"]) == ("ready", None, None)
    text = (await owner.client.get(f"/api/v1/documents/{queued['id']}/text")).json()["text"]
    chunks = (await owner.client.get(f"/api/v1/documents/{queued['id']}/chunks")).json()["data"]
    assert len(chunks) == ready["chunk_count"] > 0
    assert all(text[chunk["start"] : chunk["end"]] == chunk["text"] for chunk in chunks)

    result = await found(owner, "unused days carried over")
    best = result["passages"][0]
    assert "carried over" in best["text"]
    assert best["document_id"] == queued["id"]
    assert text[best["start"] : best["end"]] == best["text"]
    assert (result["allowed"], result["denied"]) == (1, 0)

    original = await owner.client.get(f"/api/v1/documents/{queued['id']}/content")
    assert original.content == LEAVE
    assert original.headers["content-disposition"].startswith("attachment")
    assert original.headers["x-content-type-options"] == "nosniff"

    (search,) = await audited(services, owner, "search")
    assert search["details"]["allowed"] == 1
    assert search["details"]["returned"][0]["chunk_id"] == best["chunk_id"]
    assert "carried" not in str(search)
    assert [one["role"] for one in search["content"]] == ["query"]
    for action in ("document.uploaded", "document.ready", "document.text", "document.content"):
        assert len(await audited(services, owner, action)) == 1


async def test_a_bomb_is_taken_and_then_rejected_with_a_problem(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    document = await ingested(
        services, owner, collection_id, data=bomb_docx(), name="bomb.docx", media_type=""
    )
    assert document["status"] == "rejected"
    problem = document["problem"]
    assert problem["code"] == "DECOMPRESSION_BOMB"
    assert set(problem) >= {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}
    (rejected,) = await audited(services, owner, "document.rejected")
    assert (rejected["outcome"], rejected["details"]["code"]) == ("failure", "DECOMPRESSION_BOMB")
    (job,) = (await owner.client.get("/api/v1/jobs")).json()["data"]
    assert job["status"] == "done"


async def test_a_slow_sender_holds_no_transaction(services: Services, owner: Person, postgres) -> None:
    collection_id = await make_collection(owner)
    open_while_sending = []

    async def body():
        yield f'--x\r\nContent-Disposition: form-data; name="collection_id"\r\n\r\n{collection_id}\r\n'.encode()
        with postgres.connect(postgres.superuser_url) as connection:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'"
            ).fetchone()
            open_while_sending.append(found[0])
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nwords\r\n--x--\r\n'

    answer = await owner.client.post(
        "/api/v1/documents",
        content=body(),
        headers={"content-type": "multipart/form-data; boundary=x", "Idempotency-Key": "slow"},
    )
    assert answer.status_code == 202
    assert open_while_sending == [0]


async def test_nothing_is_left_in_the_clear_on_disk(services: Services, owner: Person) -> None:
    await ingested(services, owner, await make_collection(owner))
    files = [path for path in services.settings.home.rglob("*") if path.is_file()]
    assert [path for path in files if LEAVE[:40] in path.read_bytes()] == []


async def test_the_same_key_uploads_once(services: Services, owner: Person) -> None:
    collection_id = await make_collection(owner)
    first = await upload(owner, collection_id, headers={"Idempotency-Key": "k1"})
    again = await upload(owner, collection_id, headers={"Idempotency-Key": "k1"})
    assert first.json() == again.json()
    other = await upload(owner, collection_id, b"something else", headers={"Idempotency-Key": "k1"})
    assert_problem(other, 422, "IDEMPOTENCY_KEY_REUSED")
    assert await stored(services, owner) == (1, 1)


async def test_the_file_is_nowhere_in_the_clear(services: Services, owner: Person, postgres) -> None:
    collection_id = await make_collection(owner)
    await ingested(services, owner, collection_id)
    with postgres.connect(postgres.superuser_url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()
            assert not [row for (row,) in rows if "twenty-eight" in row], table
            assert not [row for (row,) in rows if b"twenty-eight".hex() in row], table


def test_the_form_is_described(app: FastAPI) -> None:
    operation = app.openapi()["paths"]["/api/v1/documents"]["post"]
    schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(schema["required"]) == {"file", "collection_id"}
