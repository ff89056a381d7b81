"""Everything that an operator can set, in one typed place; units are in the names or types."""

import os
from pathlib import Path

from pydantic import AnyUrl, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MEGABYTE = 1_000_000


class Settings(BaseSettings):
    """Read from the environment: `SECRETARIAT_<NAME>`, and the usual names for outside services."""

    model_config = SettingsConfigDict(
        env_prefix="SECRETARIAT_", frozen=True, extra="ignore", populate_by_name=True
    )

    home: Path = Field(default_factory=lambda: Path.cwd() / ".secretariat", description="Data directory.")
    host: str = Field(default="127.0.0.1", description="Address the service listens on.")
    port: int = Field(default=8080, description="Port the service listens on.")
    public_url: AnyUrl | None = Field(default=None, description="Address that browsers use, if another.")

    database_url: str | None = Field(
        default=None, validation_alias="DATABASE_URL", description="As secretariat_app."
    )
    database_owner_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_OWNER_URL",
        description="As secretariat_owner, for migrations.",
    )
    database_dispatcher_url: str | None = Field(
        default=None, validation_alias="DATABASE_DISPATCHER_URL", description="As secretariat_dispatcher."
    )
    redis_url: str | None = Field(default=None, validation_alias="REDIS_URL", description="Redis or Valkey.")
    model_url: str | None = Field(default=None, validation_alias="MODEL_URL", description="The model server.")

    master_key_file: Path | None = Field(
        default=None, description="32 bytes, hex; default: <home>/secrets/master.key."
    )
    model_token_file: Path | None = Field(default=None, description="Default: <home>/secrets/model.token.")

    max_upload_bytes: int = Field(default=100 * MEGABYTE, description="Largest document accepted.")
    session_hours: int = Field(default=12, description="Life of a browser session.")
    lease_seconds: int = Field(
        default=15, description="How long a worker may be silent before its job moves on."
    )
    job_attempts: int = Field(default=5, description="Leases a job may take before it is quarantined.")
    seal_interval_seconds: float = Field(
        default=0.5, description="How often the audit sealer looks for new records."
    )
    worker_threads: int = Field(default=8, description="Jobs that one worker carries out at a time.")
    model_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, description="Threads of the model server."
    )
    worker_queues: str = Field(
        default="work,clock,training", description="What a worker takes, with commas: work, clock, training."
    )
    training_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1, description="Threads of a training process."
    )
    long_context_tokens: int = Field(
        default=32_768, description="Context of a model to which conversations may give whole documents."
    )
    prefill_tokens_per_second: float = Field(
        default=500.0, gt=0, description="How fast the chat model reads, until that has been measured."
    )
    sso_private_networks: bool = Field(
        default=False, description="Whether identity providers may have addresses of private networks."
    )
    sso_loopback: bool = Field(
        default=False, description="Whether identity providers may be on this machine; also without TLS."
    )
    trusted_proxies: str = Field(
        default="",
        description="Proxies whose X-Forwarded-For and -Proto are believed: addresses, networks, with commas.",
    )
    secure_cookies: bool = Field(default=False, description="Set when the service is behind TLS.")

    @property
    def secrets_dir(self) -> Path:
        return self.home / "secrets"

    @property
    def models_dir(self) -> Path:
        return self.home / "models"

    @property
    def adapters_dir(self) -> Path:
        return self.home / "adapters"

    @property
    def training_dir(self) -> Path:
        return self.home / "training"

    @property
    def indexes_dir(self) -> Path:
        return self.home / "indexes"

    @property
    def master_key_path(self) -> Path:
        return self.master_key_file or self.secrets_dir / "master.key"

    @property
    def model_token_path(self) -> Path:
        return self.model_token_file or self.secrets_dir / "model.token"

    @property
    def base_url(self) -> str:
        return str(self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
