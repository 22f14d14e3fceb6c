"""The page of the settings, from `settings.Settings`."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from sync_pipeline.docs_pages.markdown import NOTE, table
from sync_pipeline.settings import PARTS


def settings_page() -> str:
    """Return the page of all environment variables."""
    return (
        f"{NOTE}\n# Settings\n\nEnvironment variables, or lines of a `.env` file in the working folder (the "
        "environment wins). Secrets are read from nowhere else and are never printed.\n\n"
        + "\n".join(map(_part, PARTS))
    )


def _part(part: type[BaseSettings]) -> str:
    rows = [(f"`{name.upper()}`", _default(info), info.description or "") for name, info in part.model_fields.items()]
    return f"## {(part.__doc__ or '').rstrip('.')}\n\n{table(('variable', 'default', 'meaning'), rows)}"


def _default(info: FieldInfo) -> str:
    secret = SecretStr in getattr(info.annotation, "__args__", ())
    value: Any = info.get_default(call_default_factory=True)
    return "secret" if secret else "" if value in (None, (), {}) else f"`{value}`"
