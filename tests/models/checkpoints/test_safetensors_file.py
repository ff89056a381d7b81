"""safetensors files: equal to the reference library's reading; headers that lie are refused."""

import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from secretariat.models.checkpoints.safetensors_file import SafetensorsFile
from secretariat.models.errors import ModelError


def packed(header: object, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def opened(tmp_path, data: bytes) -> SafetensorsFile:
    path = tmp_path / "file.safetensors"
    path.write_bytes(data)
    return SafetensorsFile.open(path)


def test_every_dtype_reads_as_the_reference_does(tmp_path):
    generator = torch.Generator().manual_seed(1)
    tensors = {
        str(dtype): torch.randn(3, 5, generator=generator).mul(40).to(dtype)
        for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8)
    }
    save_file(tensors | {"scalar": torch.tensor(2.5)}, tmp_path / "x.safetensors")
    file = SafetensorsFile.open(tmp_path / "x.safetensors")
    for name, expected in load_file(tmp_path / "x.safetensors").items():
        wanted = expected.float() if expected.is_floating_point() else expected
        np.testing.assert_array_equal(file.tensors[name].floats(), wanted.numpy())


def test_sixteen_bits_come_as_they_are_stored(tmp_path):
    rows = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    kinds = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
    save_file({form: rows.to(dtype) for form, dtype in kinds.items()}, tmp_path / "x.safetensors")
    tensors = SafetensorsFile.open(tmp_path / "x.safetensors").tensors
    for form, dtype in kinds.items():
        assert tensors[form].form == form
        stored = rows.to(dtype).view(torch.uint8).reshape(3, -1)
        np.testing.assert_array_equal(tensors[form].raw(), stored.numpy())


def entry(start: int, end: int, shape: object = (2,), dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"\x01", "header length"),
        ((10**12).to_bytes(8, "little") + b"{}", "header length"),
        (packed(b"{not json", b""), "header is not JSON"),
        (packed([1], b""), "header is not a JSON object"),
        (packed({"a": 5}, b""), "tensor a has no known dtype"),
        (packed({"a": entry(0, 8, dtype="F4")}, b"x" * 8), "tensor a has no known dtype"),
        (packed({"a": entry(0, 8, shape=[-2])}, b"x" * 8), "tensor a has no valid shape"),
        (packed({"a": entry(8, 0)}, b"x" * 8), "tensor a has no valid shape"),
        (packed({"a": entry(0, 8, shape=[3])}, b"x" * 8), "tensor a needs 12 bytes"),
        (packed({"a": entry(0, 8), "b": entry(4, 12)}, b"x" * 12), "data at byte"),
        (packed({"a": entry(0, 8), "b": entry(12, 20)}, b"x" * 20), "data at byte"),
        (packed({"a": entry(0, 8)}, b"x" * 4), "data at byte"),
        (packed({"a": entry(0, 8)}, b"x" * 9), "data at byte"),
    ],
)
def test_a_header_that_lies_is_refused_by_place(tmp_path, data, place):
    with pytest.raises(ModelError, match=place) as caught:
        opened(tmp_path, data)
    assert caught.value.code == "checkpoint_invalid"


@given(at=st.integers(0, 90), value=st.binary(min_size=1, max_size=4))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_is_refused_or_harmless(tmp_path, at, value):
    good = packed({"a": entry(0, 8), "b": entry(8, 16)}, b"x" * 16)
    try:
        file = opened(tmp_path, good[:at] + value + good[at + len(value) :])
    except ModelError as error:
        if error.code != "checkpoint_invalid":
            raise
    else:
        for name in file.tensors:
            file.tensors[name].floats()
