"""The organizations of a fleet, from a TOML file that refers to credentials but never contains one.

[organizations.acme]
api_key = "env:ACME_CALCOM_KEY"              # an environment variable (or a line in .env)

[organizations.globex]
api_url = "https://api.cal.eu"               # default: CALCOM_API_URL
organization_id = 7                          # default: the credential owner's
strategy = "per-user"                        # default: auto
access_token = "block:globex-calcom"         # a Prefect Secret block
"""

import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from calcom.strategy import Strategy
from flows.settings import NO_CREDENTIAL, Settings, load_settings, read_secret_variable
from flows.settings.errors import ConfigurationError

SecretReference = Annotated[str, StringConstraints(pattern=r"^(env|block):[A-Za-z0-9_-]+$")]
"""A reference to a secret: `env:` and the name of a variable, or `block:` and the name of a Secret block."""

_KINDS = {
    "api_key": "CALCOM_API_KEY",
    "access_token": "CALCOM_ACCESS_TOKEN",
    "secret_key": "CALCOM_SECRET_KEY",
}


class Organization(BaseModel):
    """One organization of a fleet: its API, and a reference to its credential."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = Field(
        description="The name in lower-case letters, digits and hyphens; the landings of the organization carry it."
    )
    api_url: str | None = Field(None, description="The URL of the API. Default: CALCOM_API_URL.")
    organization_id: int | None = Field(
        None, ge=1, description="The organization's id. Default: the organization of the credential's owner."
    )
    strategy: Strategy = Strategy.AUTO
    api_key: SecretReference | None = Field(
        None, description="A reference: env:VARIABLE or block:secret-block."
    )
    access_token: SecretReference | None = Field(
        None, description="A reference: env:VARIABLE or block:secret-block."
    )
    client_id: str | None = None
    secret_key: SecretReference | None = Field(
        None, description="A reference: env:VARIABLE or block:secret-block."
    )

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        references = [self.api_key, self.access_token, self.secret_key]
        if sum(reference is not None for reference in references) != 1 or bool(self.client_id) != bool(
            self.secret_key
        ):
            message = "expected exactly one of api_key, access_token, or client_id with secret_key"
            raise ValueError(message)
        return self


def read_organizations(path: Path) -> list[Organization]:
    """Return the organizations of the file, in its order. Raise `ConfigurationError` that names each problem."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"can't read {path}: expected a TOML file of organizations, found {type(error).__name__}"
        raise ConfigurationError(f"{message}: {error}") from None
    tables = content.get("organizations")
    if not isinstance(tables, dict) or not tables or set(content) != {"organizations"}:
        tables_text = ", ".join(sorted(content)) or "nothing"
        message = f"{path}: expected tables [organizations.NAME] and nothing else, found {tables_text}"
        raise ConfigurationError(message)
    organizations = [_organization(path, name, table) for name, table in tables.items()]
    _refuse_repeated(path, organizations)
    return organizations


def _refuse_repeated(path: Path, organizations: Sequence[Organization]) -> None:
    """Raise `ConfigurationError` if two names have the same id, or the same credential of the same API."""
    names: dict[object, str] = {}
    for organization in organizations:
        credential = organization.model_dump(exclude={"name", "strategy", "organization_id"})
        identity = organization.organization_id or tuple(credential.values())
        first = names.setdefault(identity, organization.name)
        if first != organization.name:
            message = (
                f"{path}: {first} and {organization.name} are the same organization, by their organization_id or their"
                " credential. Organizations are identified by this id alone, on every server; remove one of them, or"
                " give it a warehouse of its own (OOO_DATA_DIR)"
            )
            raise ConfigurationError(message)


def _organization(path: Path, name: str, table: Any) -> Organization:
    try:
        return Organization(name=name, **table)
    except (ValidationError, TypeError) as error:
        problems = (
            [f"{'.'.join(map(str, problem['loc'])) or 'it'}: {problem['msg']}" for problem in error.errors()]
            if isinstance(error, ValidationError)
            else ["expected a table"]
        )
        message = (
            f"{path}, organization {name}: {'; '.join(problems)}. The file refers to a credential and never"
            ' contains it: api_key = "env:VARIABLE" or "block:secret-block"'
        )
        raise ConfigurationError(message) from None


def variables_of(organizations: Iterable[Organization]) -> list[str]:
    """Return the names of the environment variables that the organizations refer to."""
    references = (
        reference
        for organization in organizations
        for reference in (organization.api_key, organization.access_token, organization.secret_key)
        if reference
    )
    return [name for kind, _, name in (text.partition(":") for text in references) if kind == "env"]


def settings_for(
    organization: Organization, *, read_block: Callable[[str], Any], **overrides: Any
) -> Settings:
    """Return the settings of this process for the organization, with its own credential and no other."""
    variables: dict[str, Any] = NO_CREDENTIAL | {"CALCOM_CLIENT_ID": organization.client_id}
    variables["CALCOM_ORG_ID"] = organization.organization_id
    if organization.api_url:
        variables["CALCOM_API_URL"] = organization.api_url
    for field, variable in _KINDS.items():
        reference = getattr(organization, field)
        if reference is not None:
            place, _, name = reference.partition(":")
            variables[variable] = read_secret_variable(name) if place == "env" else read_block(name)
    return load_settings(**variables, **overrides)
