"""The gather of embeddings from every packed form against the matrix unpacked."""

import numpy as np
import pytest
import torch

from secretariat.models.kernels.embedding.cpu import add_embedding
from secretariat.models.kernels.embedding.reference import embedding
from secretariat.models.kernels.library import Step
from secretariat.models.kernels.linear.packing import pack
from secretariat.models.nets.weights import Values


@pytest.mark.parametrize(
    ("form", "width"), [("float32", 37), ("bfloat16", 37), ("bfloat16", 64), ("q8", 96), ("q4", 96)]
)
def test_embedding(program, form, width):
    packed = pack(Values(torch.randn(53, width).numpy()), form)
    ids = np.array([0, 52, 17, 16, 15, 52], dtype=np.int32)
    x_NE = torch.full((8, width), torch.nan)
    add_embedding(program, packed, x_NE, scale=2.5)
    program.run(Step(tokens=len(ids), exact=1, ids=ids.ctypes.data))
    expected = embedding(torch.from_numpy(ids).long(), packed, scale=2.5)
    torch.testing.assert_close(x_NE[: len(ids)], expected, rtol=1e-6, atol=1e-6)
    assert x_NE[len(ids) :].isnan().all()
