"""Settings: the environment (and a `.env` file), read here and nowhere else."""

from flows.settings.credentials import NO_CREDENTIAL
from flows.settings.loading import load_settings
from flows.settings.model import Settings
from flows.settings.sources import read_secret_variable
from flows.settings.values import Notes

__all__ = ["NO_CREDENTIAL", "Notes", "Settings", "load_settings", "read_secret_variable"]
