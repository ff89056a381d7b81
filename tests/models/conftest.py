"""Tests of the model side share the machine's cores: threads that wait must not spin."""

import os
from collections.abc import Iterator

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is first imported


@pytest.fixture(scope="session")
def model_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """The real server over the real weights (ModelServer), once for a session."""
    from tests.models.serving.server import serve_models

    with serve_models(tmp_path_factory.mktemp("model-server")) as server:
        yield server


@pytest.fixture(scope="session")
def toy_server() -> Iterator[object]:
    """A server in this process over a tiny random model (ToyServer), once for a session."""
    from tests.models.serving.toy_server import serve_toy

    with serve_toy() as server:
        yield server
