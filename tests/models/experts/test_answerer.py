"""Who answers when quality is measured: the adapter that is named, whatever experts the model brings."""

import json
from pathlib import Path

from benchmarks.quality.answering import Answerer, Named
from secretariat.models.core import ChatMessage
from secretariat.models.training.data.forms import Asked
from tests.models.serving.test_experts import adapter
from tests.models.training.tiny_chat import tiny_chat


def test_a_named_adapter_acts_instead_of_the_experts(tmp_path: Path):
    model, tried = tmp_path / "model", tmp_path / "tried"
    model.mkdir()
    tiny_chat(model)
    adapter(model / "experts" / "own", 1)
    adapter(tried, 2)
    experts = {"chat": {}, "own": {"adapter": "experts/own"}}
    said = [_said(Named(str(model))), _said(Named(str(model), tried))]
    (model / "experts.json").write_text(json.dumps({"general": "chat", "experts": experts}))
    assert _said(Named(str(model), tried)) == said[1] != said[0]


def _said(named: Named) -> str:
    with Answerer(named) as answerer:
        (result,) = answerer.answers([Asked((ChatMessage("user", "aaaa"),), max_tokens=12)])
    return result.text
