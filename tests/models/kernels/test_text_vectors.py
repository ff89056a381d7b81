"""Rows of token ids and vectors of texts against float64."""

import pytest
import torch

from secretariat.models.kernels.post_norm.cpu import LayerNorm
from secretariat.models.kernels.text_vectors.cpu import add_text_rows, add_unit_vectors
from secretariat.models.kernels.text_vectors.reference import text_rows, text_vector, token_vectors
from tests.models.kernels.runs import Runs

LENGTHS = [3, 1, 20]


@pytest.mark.parametrize("width", [32, 50])
def test_rows(program, width):
    words_VE, positions_TE = torch.randn(11, width), torch.randn(20, width)
    norm = LayerNorm(torch.randn(width), torch.randn(width), 1e-12)
    ids_N = torch.randint(11, (sum(LENGTHS),))
    places_N = torch.cat([torch.arange(length) for length in LENGTHS])
    x_NE = torch.full((len(ids_N) + 1, width), torch.nan)
    add_text_rows(program, words_VE, positions_TE, x_NE, norm)
    program.run(Runs(LENGTHS, ids_N.tolist()).step)
    expected = text_rows(words_VE[ids_N].double(), positions_TE[places_N].double(), norm)
    torch.testing.assert_close(x_NE[:-1].double(), expected, rtol=1e-5, atol=1e-5)
    assert x_NE[-1].isnan().all()


@pytest.mark.parametrize("width", [32, 50])
def test_unit_vectors(program, width):
    runs = Runs(LENGTHS)
    x_NE = torch.randn(sum(LENGTHS) + 1, width)
    texts_RE = torch.full((4, width), torch.nan)
    tokens_NE = torch.full((len(x_NE), width), torch.nan, dtype=torch.float16)
    add_unit_vectors(program, x_NE, texts_RE, tokens_NE)
    program.run(runs.step)
    for text_E, some in zip(texts_RE, runs.slices(), strict=False):
        torch.testing.assert_close(text_E.double(), text_vector(x_NE[some].double()), rtol=1e-5, atol=1e-6)
        expected = token_vectors(x_NE[some].double())
        torch.testing.assert_close(tokens_NE[some].double(), expected, rtol=1e-3, atol=1e-4)
    assert texts_RE[3].isnan().all()
    assert tokens_NE[-1].isnan().all()


def test_rows_of_zeros_stay_zeros(program):
    texts_RE = torch.full((1, 32), torch.nan)
    add_unit_vectors(program, torch.zeros(2, 32), texts_RE)
    program.run(Runs([2]).step)
    assert (texts_RE == 0).all()
