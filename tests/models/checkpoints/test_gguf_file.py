"""GGUF files that lie about themselves are refused, and the message says where."""

import struct

import numpy as np
import pytest
from gguf import GGUFWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secretariat.models.checkpoints.gguf_file import GgufFile
from secretariat.models.errors import ModelError


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "good.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_uint32("some.number", 7)
    writer.add_array("some.words", ["α", "b"])
    writer.add_array("some.floats", [1.5, -2.0])
    writer.add_bool("some.flag", val=True)
    writer.add_tensor("matrix", np.arange(12, dtype=np.float32).reshape(3, 4))
    writer.add_tensor("vector", np.arange(5, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def opened(tmp_path, data: bytes) -> GgufFile:
    path = tmp_path / "file.gguf"
    path.write_bytes(data)
    return GgufFile.open(path)


def test_values_and_tensors_come_back(tmp_path, good):
    file = opened(tmp_path, good)
    assert file.metadata["some.number"] == 7
    assert file.metadata["some.words"] == ["α", "b"]
    assert file.metadata["some.floats"] == [1.5, -2.0]
    assert file.metadata["some.flag"] is True
    matrix, vector = file.tensors["matrix"], file.tensors["vector"]
    np.testing.assert_array_equal(matrix.floats(), np.arange(12).reshape(3, 4))
    np.testing.assert_array_equal(vector.floats(), np.arange(5))
    assert (matrix.form, vector.form) == ("F32", "F16")
    np.testing.assert_array_equal(matrix.raw(), np.arange(12, dtype=np.float32).view(np.uint8).reshape(3, 16))
    np.testing.assert_array_equal(vector.raw(), np.arange(5, dtype=np.float16).view(np.uint8)[None])


def patched(good: bytes, after: bytes, offset: int, value: bytes) -> bytes:
    at = good.index(after) + len(after) + offset
    return good[:at] + value + good[at + len(value) :]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda good: good[:0], "empty"),
        (lambda good: b"GGML" + good[4:], "magic at byte 4"),
        (lambda good: good[:4] + struct.pack("<I", 9) + good[8:], "version"),
        (lambda good: good[:60], "needs .* bytes"),
        (lambda good: good[:-80], "tensor (matrix|vector) at byte .* past the file"),
        (lambda good: good[:16] + struct.pack("<Q", 2**60) + good[24:], "metadata key"),
        (lambda good: good[:8] + struct.pack("<Q", 2**60) + good[16:], "tensor"),
        (lambda good: patched(good, b"some.number", 0, struct.pack("<I", 77)), "some.number .*value type 77"),
        (lambda good: patched(good, b"some.words", 8, struct.pack("<Q", 2**61)), "some.words"),
        (lambda good: patched(good, b"some.words", 24, b"\xff"), "some.words .*UTF-8"),
        (lambda good: patched(good, b"matrix", 0, struct.pack("<I", 99)), "tensor matrix .*99 dimensions"),
        (lambda good: patched(good, b"matrix", 4, struct.pack("<Q", 2**62)), "tensor matrix .*past the file"),
        (
            lambda good: patched(good, b"matrix", 20, struct.pack("<I", 2)),
            "tensor matrix .*whole blocks of Q4_0",
        ),
        (
            lambda good: patched(good, b"matrix", 20, struct.pack("<I", 99)),
            "tensor matrix .*number format 99",
        ),
        (lambda good: patched(good, b"matrix", 24, struct.pack("<Q", 3)), "tensor matrix .*alignment"),
    ],
)
def test_a_malformed_file_is_refused_by_place(tmp_path, good, change, place):
    with pytest.raises(ModelError, match=place) as caught:
        opened(tmp_path, change(good))
    assert caught.value.code == "checkpoint_invalid"


@given(at=st.integers(0, 400), value=st.binary(min_size=1, max_size=8))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_is_refused_or_harmless(tmp_path, good, at, value):
    data = good[:at] + value + good[at + len(value) :]
    try:
        file = opened(tmp_path, data)
    except ModelError as error:
        if error.code != "checkpoint_invalid":
            raise
    else:
        for name in file.tensors:
            file.tensors[name].floats()


def test_an_absent_file_is_missing_weights(tmp_path):
    with pytest.raises(ModelError) as caught:
        GgufFile.open(tmp_path / "none.gguf")
    assert caught.value.code == "weights_missing"
