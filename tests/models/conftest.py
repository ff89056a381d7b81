"""Tests of the model side share the machine's cores: threads that wait must not spin."""

import os
import sys
import zlib
from collections.abc import Iterator

import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is first imported


@pytest.fixture(autouse=True)
def _same_numbers_every_time(request: pytest.FixtureRequest) -> None:
    """Where a test draws numbers, it draws the same in every run and in any order of tests."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(zlib.crc32(request.node.nodeid.encode()))


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
