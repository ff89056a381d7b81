"""Idempotency for files: what counts is what was sent, not how the form was cut."""

import pytest

KEY = {"Idempotency-Key": "upload-1"}


@pytest.fixture
async def collection_id(owner) -> str:
    made = await owner.client.post("/api/v1/collections", json={"name": "Uploads"})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def upload(owner, collection_id: str, words: bytes, boundary: str):
    return await owner.client.post(
        "/api/v1/documents",
        files={"file": ("a.txt", words, "text/plain")},
        data={"collection_id": collection_id},
        headers={**KEY, "Content-Type": f"multipart/form-data; boundary={boundary}"},
    )


async def test_the_same_file_again_is_the_same_document(owner, collection_id):
    first = await upload(owner, collection_id, b"The same words.", "first")
    assert first.status_code == 202, first.text
    second = await upload(owner, collection_id, b"The same words.", "second")
    assert second.status_code == 202
    assert second.json()["id"] == first.json()["id"]
    listed = (await owner.client.get("/api/v1/documents")).json()["data"]
    assert len(listed) == 1
    other = await upload(owner, collection_id, b"Other words.", "third")
    assert other.status_code == 422
    assert other.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
