"""A chat model of a few thousand weights in files, with conversations to learn, and jobs over them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.models.training.tiny_chat import tiny_chat


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """A toy network is quicker without a second thread to wait for."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_chat(tmp_path_factory.mktemp("tiny-chat"))


@pytest.fixture
def records(tmp_path) -> Callable[..., str]:
    """A file of question and answer pairs as chats."""

    def written(*pairs: tuple[str, str], name: str = "data.jsonl") -> str:
        path = tmp_path / name
        with path.open("w") as stream:
            for question, answer in pairs:
                roles = (("user", question), ("assistant", answer))
                messages = [{"role": role, "content": content} for role, content in roles]
                stream.write(json.dumps({"messages": messages}) + "\n")
        return str(path)

    return written


@pytest.fixture
def new_job(tmp_path, chat_folder) -> Callable[..., Path]:
    """A folder with a job.json for the tiny chat model."""

    def folder(name: str = "run", **values: Any) -> Path:
        made: Path = tmp_path / name
        made.mkdir()
        job = {
            "recipe": "sft", "model": str(chat_folder), "seed": 3, "steps": 6, "batch_tokens": 64,
            "row_tokens": 64, "learning_rate": 1e-2, "threads": 1, "dtype": "float32",
            "evaluate_every": 2, "state_every": 2,
            "learn": {"kind": "lora", "rank": 4, "alpha": 8},
        }  # fmt: skip
        (made / "job.json").write_text(json.dumps({**job, **values}))
        return made

    return folder
