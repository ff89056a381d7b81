"""Every number format against the reference decoder of the `gguf` package, on random and real blocks."""

import numpy as np
import pytest
from gguf import GGMLQuantizationType, dequantize, quantize

from secretariat.models.checkpoints.gguf_file import GgufFile
from secretariat.models.checkpoints.quants import FORMATS, dequantise
from tests.support.weights import CHAT, weights


@pytest.mark.parametrize("code", [0, 1, 2, 3, 8, 30])  # the reference has no encoder of the K formats
def test_a_format_decodes_as_the_reference_does(code):
    kind = GGMLQuantizationType(code)
    weights_f32 = np.random.default_rng(code).normal(size=(24, 96)).astype(np.float32)
    packed = quantize(weights_f32, kind)
    ours = dequantise(FORMATS[code], packed.view(np.uint8).reshape(-1))
    np.testing.assert_array_equal(ours, dequantize(packed, kind).reshape(-1))
    assert np.abs(ours - weights_f32.reshape(-1)).max() < 0.5


@pytest.mark.parametrize("code", [2, 3, 8, 12, 14])
def test_any_bytes_decode_as_the_reference_does(code):
    kind, form = GGMLQuantizationType(code), FORMATS[code]
    raw = np.random.default_rng(7).integers(0, 256, size=(64, form.block_bytes), dtype=np.uint8)
    halves = {3: (1, 3), 12: (1, 3), 14: (209,)}.get(code, (1,))
    raw[:, halves] &= 0x3B  # keeps the scales finite: the top exponent bit of a float16 is off
    np.testing.assert_array_equal(dequantise(form, raw.reshape(-1)), dequantize(raw, kind).reshape(-1))


@pytest.mark.weights
def test_the_real_checkpoint_reads_as_the_reference_does():
    path = next(weights(CHAT).glob("*.gguf"))
    file, whole = GgufFile.open(path), np.memmap(path, np.uint8, mode="r")
    assert {tensor.form for tensor in file.tensors.values()} == {"F32", "Q4_1", "Q8_0"}
    for name in ("token_embd.weight", "blk.0.attn_q.weight", "blk.29.ffn_down.weight", "output_norm.weight"):
        tensor = file.tensors[name]
        stored = whole[tensor.entry.start : tensor.entry.start + tensor.entry.bytes].reshape(
            tensor.shape[0], -1
        )
        expected = dequantize(stored, GGMLQuantizationType[tensor.form]).reshape(tensor.shape)
        np.testing.assert_array_equal(tensor.floats(), expected)
        np.testing.assert_array_equal(tensor.raw().reshape(-1), stored.reshape(-1))
    assert file.metadata["llama.context_length"] == 8192
    merges = file.metadata["tokenizer.ggml.merges"]
    assert isinstance(merges, list)
    assert len(merges) == 48900
