"""Starts the whole stack on one machine, watches it, and stops it: one command, real parts.

Whatever has an outside address (DATABASE_URL, REDIS_URL, MODEL_URL) is used and not started.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType, MappingProxyType

import httpx

from secretariat.platform.db import bootstrap
from secretariat.platform.embedded.checks import check_disk, check_port, ensure_secret, free_port, hold
from secretariat.platform.embedded.child import Child
from secretariat.platform.embedded.errors import StackError
from secretariat.platform.embedded.postgres import SUPERUSER, EmbeddedPostgres
from secretariat.platform.embedded.valkey import valkey_child
from secretariat.platform.settings import Settings

Say = Callable[[str], None]

MODELS = "models"
_START_SECONDS = 180  # the first start compiles the operations
_WATCH_SECONDS = 1.0
_STEADY_SECONDS = 60
_MOST_RESTARTS = 5
_SMALL_PRODUCTS = {
    "OPENBLAS_NUM_THREADS": "1"
}  # numpy's in the model server: in threads they take ten times the work
_OWNER, _DISPATCHER = frozenset({"DATABASE_OWNER_URL"}), frozenset({"DATABASE_DISPATCHER_URL"})


@dataclass(slots=True)
class Stack:
    """The running parts. `environment` is what a program needs to reach them."""

    settings: Settings
    say: Say
    postgres: EmbeddedPostgres | None = None
    children: list[Child] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    stopping: bool = False
    held: int | None = None

    def start(self) -> None:
        """Raises StackError, after stopping what had been started."""
        try:
            self._prepare()
            self._start_database()
            self._start_valkey()
            self._launch_models()
            self._start_service()
        except BaseException:
            self.stop()
            raise

    def start_models(self) -> None:
        """The model server alone, for evaluations. Raises StackError."""
        check_disk(self.settings.home)
        ensure_secret(self.settings.model_token_path)
        if self.settings.model_url is None:
            self._launch_models()
            self._await_models()

    def _prepare(self) -> None:
        check_disk(self.settings.home)
        self.held = hold(self.settings.home)
        check_port(self.settings.host, self.settings.port)
        ensure_secret(self.settings.master_key_path)
        ensure_secret(self.settings.model_token_path)
        self.environment["SECRETARIAT_HOME"] = str(self.settings.home)
        self.environment["SECRETARIAT_PORT"] = str(self.settings.port)
        self.environment["SECRETARIAT_HOST"] = self.settings.host

    def _start_database(self) -> None:
        if self.settings.database_url is not None:
            if self.settings.database_owner_url is not None:
                bootstrap.migrate(self.settings.database_owner_url)
            return
        self.say("Starting PostgreSQL")
        self.postgres = EmbeddedPostgres(self.settings.home / "postgres")
        self.postgres.start()
        bootstrap.create_roles(self.postgres.url(SUPERUSER, "postgres"))
        owner_url = self.postgres.url(bootstrap.OWNER, bootstrap.DATABASE)
        bootstrap.migrate(owner_url)
        self.environment["DATABASE_URL"] = self.postgres.url(bootstrap.APP, bootstrap.DATABASE)
        self.environment["DATABASE_OWNER_URL"] = owner_url
        self.environment["DATABASE_DISPATCHER_URL"] = self.postgres.url(
            bootstrap.DISPATCHER, bootstrap.DATABASE
        )

    def _start_valkey(self) -> None:
        if self.settings.redis_url is not None:
            return
        self.say("Starting Valkey")
        child, url = valkey_child(self.settings.home)
        self._launch(child)
        self.environment["REDIS_URL"] = url

    def _launch_models(self) -> None:
        if self.settings.model_url is not None:
            return
        port = free_port()
        self.environment["MODEL_URL"] = f"http://127.0.0.1:{port}"
        self.say("Starting the model server")
        self._python(
            MODELS,
            "secretariat.models.serving",
            *("--host", "127.0.0.1", "--port", str(port), "--threads", str(self.settings.model_threads)),
            *(
                "--models-dir",
                str(self.settings.models_dir),
                "--token-file",
                str(self.settings.model_token_path),
                "--adapters-dir",
                str(self.settings.adapters_dir),
            ),
            withheld=_OWNER | _DISPATCHER | {"DATABASE_URL", "REDIS_URL"},
            more=_SMALL_PRODUCTS,
        )

    def _start_service(self) -> None:
        self.say("Starting the service and its worker")
        self._python("api", "secretariat.platform.app", withheld=_OWNER | _DISPATCHER)
        self._python("worker", "secretariat.platform.worker", withheld=_OWNER)
        self._await("the service", f"http://{self.settings.host}:{self.settings.port}/readyz")
        if self.settings.model_url is None:
            self._await_models()

    def _python(
        self,
        name: str,
        module: str,
        *arguments: str,
        withheld: frozenset[str],
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`withheld`: the keys to what it has no business with; a part that is taken over has not got them."""
        log = self.settings.home / "logs" / f"{name}.log"
        command = [sys.executable, "-m", module, *arguments]
        self._launch(Child(name, command, log, {**self.environment, **more}, withheld))

    def _launch(self, child: Child) -> None:
        child.start()
        self.children.append(child)

    def _await_models(self) -> None:
        self._await("the model server", self.environment["MODEL_URL"] + "/healthz")

    def _await(self, name: str, url: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self.stopping:
                raise StackError(f"Stopped while waiting for {name}.")
            self.watch_once()
            trouble = self.model_trouble()
            if trouble is not None:
                raise StackError(f"The model server can't serve: {trouble}.")
            try:
                if httpx.get(url, timeout=2).is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise StackError(
            f"{name} did not answer within {_START_SECONDS} s. Logs: {self.settings.home / 'logs'}."
        )

    def watch_once(self) -> None:
        """Restart whatever died. Raises StackError for a part that keeps dying."""
        if self.postgres is not None and not self.postgres.running():
            self.say("PostgreSQL died; starting it again")
            self.postgres.start()
        for child in self.children:
            if not child.running and not self.stopping:
                self._revive(child)

    def _revive(self, child: Child) -> None:
        steady = time.monotonic() - child.started_at > _STEADY_SECONDS
        child.restarts = 1 if steady else child.restarts + 1
        if child.restarts > _MOST_RESTARTS:
            raise StackError(f"{child.name} keeps dying. The end of {child.log}:\n{child.last_words()}")
        self.say(f"{child.name} died; starting it again")
        time.sleep(min(0.2 * child.restarts, 1.0))
        child.start()

    def watch(self) -> None:
        """Until a signal asks to stop."""
        while not self.stopping:
            self.watch_once()
            if self.model_trouble() is not None:
                self._stop_models()
            time.sleep(_WATCH_SECONDS)

    def model_trouble(self) -> str | None:
        """What the model server says it can't mend itself: alive, but only a new start will help."""
        url = self.environment.get("MODEL_URL")
        if url is None:
            return None
        try:
            health = httpx.get(f"{url}/healthz", timeout=2)
        except httpx.TransportError:
            return None
        report = health.json() if health.status_code == httpx.codes.SERVICE_UNAVAILABLE else {}
        return str(report["message"]) if report.get("status") == "failed" else None

    def _stop_models(self) -> None:
        for child in self.children:
            if child.name == MODELS:
                child.stop()

    def stop(self) -> None:
        """Workers and service first, data last; waits until each has ended."""
        self.stopping = True
        for child in reversed(self.children):
            child.stop()
        if self.postgres is not None:
            self.postgres.stop()
        if self.held is not None:
            os.close(self.held)
            self.held = None

    def reachable_settings(self) -> Settings:
        """The settings with the addresses of what was started here."""
        addresses = {
            "database_url": "DATABASE_URL",
            "database_owner_url": "DATABASE_OWNER_URL",
            "database_dispatcher_url": "DATABASE_DISPATCHER_URL",
            "redis_url": "REDIS_URL",
            "model_url": "MODEL_URL",
        }
        started = {name: self.environment[key] for name, key in addresses.items() if key in self.environment}
        return self.settings.model_copy(update=started)

    def stop_on_signals(self) -> None:
        def ask(_number: int, _frame: FrameType | None) -> None:
            self.stopping = True

        signal.signal(signal.SIGTERM, ask)
        signal.signal(signal.SIGINT, ask)
