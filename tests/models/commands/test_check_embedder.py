"""`models check` of an embedder: what computes its vectors, and how near to float32 they are."""

import json

import pytest

from secretariat.models.commands.__main__ import main
from secretariat.models.kernels.library import library
from tests.support.weights import EMBEDDER, models_dir, weights

pytestmark = pytest.mark.weights


def test_an_embedder_is_held_to_float32(capsys: pytest.CaptureFixture[str]) -> None:
    weights(EMBEDDER)
    code = main(["--models-dir", str(models_dir()), "check", EMBEDDER])
    found = json.loads(capsys.readouterr().out)
    assert (code, found["holds"], found["problems"]) == (0, True, [])
    assert found["least_cosine"] >= 0.999
    assert found["arithmetic"]["backend"] == ("torch" if library() is None else "native")
