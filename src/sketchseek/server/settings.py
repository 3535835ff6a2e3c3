"""The server's host and port, from ``SKETCHSEEK_HOST`` and ``SKETCHSEEK_PORT`` or the command line."""

from __future__ import annotations

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from sketchseek.errors import InputError


class ServerSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SKETCHSEEK_", frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=0, le=65535)  # 0: any free one


def server_settings(host: str | None = None, port: int | None = None) -> ServerSettings:
    """The settings; arguments override the environment. Raises InputError for an invalid port or host."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        return ServerSettings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InputError(f"--{name} (or SKETCHSEEK_{name.upper()}): {first['msg']}, not {first['input']!r}") from error
