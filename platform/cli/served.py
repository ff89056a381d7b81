"""The served models, started for as long as one command measures them."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from secretariat.models.remote import RemoteModels
from secretariat.platform.settings import Settings
from secretariat.platform.supervisor import Stack


@contextmanager
def served_models(say: Callable[[str], None]) -> Generator[Callable[[], RemoteModels]]:
    """Gives what makes a client, inside the event loop that will use it. Raises StackError."""
    stack = Stack(Settings(), say)
    try:
        stack.start_models()
        settings = stack.reachable_settings()
        assert settings.model_url is not None
        url, token = settings.model_url, Settings().model_token_path.read_text(encoding="ascii").strip()
        yield lambda: RemoteModels(url, token)
    finally:
        stack.stop()
