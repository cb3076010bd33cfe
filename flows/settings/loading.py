"""Loading the settings of this process, and saying what is wrong with them."""

from typing import Any

from pydantic import ValidationError

from flows.settings.errors import ConfigurationError
from flows.settings.model import Settings
from flows.settings.sources import share_storage_variables


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. Raises `ConfigurationError` naming every variable that is wrong."""
    try:
        share_storage_variables(overrides.get("_env_file", Settings.model_config.get("env_file")))
        return Settings(**overrides)
    except (UnicodeDecodeError, OSError) as error:
        message = f"can't read .env: expected UTF-8 text, found {type(error).__name__}: {error}"
        raise ConfigurationError(message) from None
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}"
            + ("" if _is_secret(one) else f", found {one['input']!r}")
            for one in error.errors(include_url=False)
        ]
        message = "; ".join(problems) + ". Correct it in the environment or in .env"
        raise ConfigurationError(message) from None


def _is_secret(problem: Any) -> bool:
    return bool(
        not problem["loc"]
        or set("@?") & set(str(problem["input"]))  # a URL with a password, or with a token in its query
        or any(word in str(problem["loc"]).upper() for word in ("KEY", "TOKEN", "SECRET"))
    )
