"""Settings: the only package that reads the environment and the `.env` file."""

from flows.settings.environment import NO_CREDENTIAL, read_secret_variable
from flows.settings.model import Settings, load_settings
from flows.settings.values import Notes

__all__ = ["NO_CREDENTIAL", "Notes", "Settings", "load_settings", "read_secret_variable"]
