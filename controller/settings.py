"""All settings of both roles: flags (--lease-seconds 10), else environment variables (REDISTIMER_LEASE_SECONDS)."""

import os
import re
import socket
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from controller.core.redis_url import Login, RedisAddress, Shape, parse_redis_url

_PREFIX = "REDISTIMER_"


class SettingsError(ValueError):
    """Settings that cannot be used, in one line for people."""


class Settings(BaseSettings):
    """
    Every setting, with what it means.

    Each flag is an environment variable as well: --lease-seconds is REDISTIMER_LEASE_SECONDS, --redis-url is
    REDIS_URL, --kubeconfig is KUBECONFIG. A flag wins over its variable.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        cli_kebab_case=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        validation_alias=AliasChoices("redis-url", "REDIS_URL"),
        description="Redis with the index: redis://, redis+sentinel://, redis+cluster:// (with TLS rediss...) or unix://",
    )
    redis_username: str = Field(default="", description="user for Redis; wins over the one in the URL")
    redis_username_file: Path | None = Field(
        default=None, description="file with the user for Redis, read again for each connection"
    )
    redis_password_file: Path | None = Field(
        default=None,
        description="file with the password for Redis, read again for each connection; wins over the one in the URL",
    )
    redis_sentinel_password_file: Path | None = Field(
        default=None, description="the same for the Sentinels themselves, where they ask for one"
    )
    redis_ca_file: Path | None = Field(
        default=None, description="rediss...: certificates (PEM) of who vouches for Redis; else those of the system"
    )
    redis_cert_file: Path | None = Field(
        default=None, description="rediss...: certificate (PEM) to show to Redis; with its key, or --redis-key-file"
    )
    redis_key_file: Path | None = Field(default=None, description="rediss...: key (PEM) of that certificate")
    installation: str = Field(
        default="default",
        pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$",
        description="name of this installation; several can share one Redis",
    )
    namespaces: str = Field(
        default="",
        description="the namespaces whose timers this installation serves, separated by commas; empty: all",
    )
    kubeconfig: Path | None = Field(
        default=None,
        validation_alias=AliasChoices("kubeconfig", "KUBECONFIG"),
        description="kubeconfig to use; without one, the Pod's service account",
    )
    api_timeout_seconds: float = Field(default=5, ge=0.5, le=60, description="limit of one request to the API server")
    api_connections: int = Field(default=48, ge=1, le=1000, description="most requests to the API server at a time")
    use_proxy: bool = Field(default=False, description="heed HTTPS_PROXY and NO_PROXY; costs CPU on every request")
    http_host: str = Field(default="127.0.0.1", description="address that serves health and metrics")
    http_port: int = Field(default=8080, ge=0, le=65535, description="port that serves them; 0 takes a free one")
    log_format: Literal["plain", "json"] = Field(default="plain", description="how log lines look")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")

    lease_seconds: float = Field(
        default=10, ge=2, le=300, description="worker: how long a claimed timer is safe from other workers"
    )
    ahead_seconds: float = Field(
        default=3, ge=0.1, le=60, description="worker: how long before its time a timer is claimed and prepared"
    )
    claim_batch: int = Field(default=100, ge=1, le=1000, description="worker: most timers claimed by one call")
    prepared_limit: int = Field(
        default=2000, ge=1, le=100_000, description="worker: most timers claimed and not yet fired; bounds memory"
    )
    reap_seconds: float = Field(
        default=2, ge=0.1, le=60, description="worker: how often leases that ran out are looked for"
    )
    grace_seconds: float = Field(
        default=25, ge=1, le=600, description="worker: how long SIGTERM waits for what is being fired"
    )

    namespace: str = Field(default="redistimer-system", description="controller: its own namespace, with its Lease")
    leader_seconds: float = Field(
        default=15, ge=3, le=120, description="controller: how long a leader that fell silent is waited for"
    )
    status_seconds: float = Field(
        default=2, ge=0.2, le=60, description="controller: least time between two status writes of one timer"
    )
    template_checks_per_second: float = Field(
        default=100, ge=0.1, le=10_000, description="controller: most dry runs of new and edited jobTemplates a second"
    )
    events_per_second: float = Field(
        default=50, ge=0.1, le=10_000, description="controller: most Events written a second; warnings go first"
    )
    rebuild_seconds: float = Field(
        default=300, ge=5, le=86_400, description="controller: how often the index is compared with the cluster"
    )

    identity: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}",
        min_length=1,
        max_length=120,
        description="name of this process in leases and logs; must be unique",
    )

    @field_validator("redis_url")
    @classmethod
    def _known_shape(cls, value: SecretStr) -> SecretStr:
        parse_redis_url(value.get_secret_value())
        return value

    @field_validator("namespaces")
    @classmethod
    def _named_namespaces(cls, value: str) -> str:
        names = _split(value)
        for name in names:
            if not re.fullmatch("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
                raise ValueError(f"{name!r} is no name of a namespace: write them separated by commas, like a,b")
            if names.count(name) > 1:
                raise ValueError(f"{name} is named twice")
        return value

    @field_validator(
        "redis_username_file",
        "redis_password_file",
        "redis_sentinel_password_file",
        "redis_ca_file",
        "redis_cert_file",
        "redis_key_file",
    )
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and (value.is_dir() or not os.access(value, os.R_OK)):
            raise ValueError(f"{value} is no file that can be read")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ahead_seconds >= self.lease_seconds:
            raise ValueError(
                f"--ahead-seconds {self.ahead_seconds:g} must be less than --lease-seconds {self.lease_seconds:g}: "
                "a timer is claimed that long before its time and must still be held at it"
            )
        files = {"ca": self.redis_ca_file, "cert": self.redis_cert_file, "key": self.redis_key_file}
        named = [f"--redis-{name}-file" for name, file in files.items() if file]
        if named and not self.redis_address.tls:
            raise ValueError(f"{named[0]} is for TLS, and --redis-url names none: write rediss in it, with two s")
        if self.redis_sentinel_password_file and self.redis_address.shape is not Shape.SENTINEL:
            raise ValueError("--redis-sentinel-password-file needs redis+sentinel:// in --redis-url")
        if self.redis_username and self.redis_username_file:
            raise ValueError("--redis-username and --redis-username-file both name the user for Redis: leave out one")
        if self.redis_key_file and not self.redis_cert_file:
            raise ValueError("--redis-key-file is the key of a certificate: name that with --redis-cert-file")
        return self

    @property
    def served(self) -> tuple[str, ...]:
        """The namespaces whose timers are served; empty: all."""
        return tuple(_split(self.namespaces))

    @property
    def redis_address(self) -> RedisAddress:
        """Where the index is, and who to log in as."""
        address = parse_redis_url(self.redis_url.get_secret_value())
        if not self.redis_username:
            return address
        return replace(address, login=Login(self.redis_username, address.login.password))


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",")] if names.strip() else []


def load_settings(arguments: list[str], program: str) -> Settings:
    """Settings from flags and environment; raises SettingsError with one line that says what is wrong.

    `--help` prints all of them and leaves with SystemExit.
    """
    try:
        return Settings(_cli_parse_args=arguments, _cli_prog_name=program)
    except ValidationError as error:
        raise SettingsError("; ".join(_sentence(detail) for detail in error.errors())) from None


def _sentence(detail: object) -> str:
    assert isinstance(detail, dict)
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0]).replace("_", "-")
    flag = f"--{name.lower()}"
    return f"{flag} (or {_variable(name)}): {message[0].lower()}{message[1:]}"


def _variable(name: str) -> str:
    variable = name.upper().replace("-", "_")
    return variable if variable in ("REDIS_URL", "KUBECONFIG") else _PREFIX + variable
