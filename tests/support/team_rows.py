"""A naive reading of teams, as the landing and the snapshot have it."""

from typing import Any

import polars as pl
import pyarrow as pa

from flows.run.load import StagedRows
from landing.segments import MEMBERSHIP_SCHEMA, TEAM_SCHEMA
from tests.support.naive_teams import TeamReading
from transforms.quality import collect_rejects
from transforms.staged import STAGED_TEAM_MEMBERS, STAGED_TEAMS
from transforms.teams import normalise_team_members, normalise_teams
from warehouse.load.snapshot import ScopeRow


def staged_team_rows(organization_id: int, reading: TeamReading) -> list[StagedRows]:
    """Return the teams, memberships and rejects of `reading` as the product stages them."""
    teams, members = landed_teams(reading), landed_memberships(reading)

    def rejects(kind: str, frame: pl.DataFrame) -> pl.DataFrame:
        return collect_rejects(frame, organization_id=organization_id, record_kind=kind)

    return [
        StagedRows(
            STAGED_TEAMS, normalise_teams(teams, organization_id=organization_id), rejects("team", teams)
        ),
        StagedRows(
            STAGED_TEAM_MEMBERS,
            normalise_team_members(members, organization_id=organization_id),
            rejects("membership", members),
        ),
    ]


def landed_teams(reading: TeamReading) -> pl.DataFrame:
    """The teams as landing segments hold them."""
    rows: list[dict[str, Any]] = [
        {"page": one.page, "id": one.team_id, "name": one.name} for one in reading.teams
    ]
    rejects = [one for one in reading.rejects if one.kind == "team"]
    rows += [
        {"page": one.page, "id": one.record_id, "problem": "name_missing", "raw": "{}"} for one in rejects
    ]
    return _landed(rows, TEAM_SCHEMA)


def landed_memberships(reading: TeamReading) -> pl.DataFrame:
    """The memberships as landing segments hold them."""
    rows: list[dict[str, Any]] = [
        {
            "page": one.page,
            "id": one.membership_id,
            "team_id": one.team_id,
            "user_id": one.user_id,
            "role": one.role,
            "is_accepted": one.is_accepted,
        }
        for one in reading.memberships
    ]
    rows += [
        {
            "page": one.page,
            "id": one.record_id,
            "team_id": one.team_id,
            "user_id": one.user_id,
            "problem": "role_missing",
            "raw": "{}",
        }
        for one in reading.rejects
        if one.kind == "membership"
    ]
    return _landed(rows, MEMBERSHIP_SCHEMA)


def team_scopes(reading: TeamReading) -> list[ScopeRow]:
    """The verdicts of the teams list and of each team that was asked for."""
    given = [("teams", None, reading.list_verdict)] if reading.list_verdict else []
    given += [("team", team_id, verdict) for team_id, verdict in reading.verdicts.items()]
    return [scope_row(kind, verdict, team_id=team_id) for kind, team_id, verdict in given]


def scope_row(kind: str, verdict: str, *, user_id: int | None = None, team_id: int | None = None) -> ScopeRow:
    """The verdict of a scope that was read in one request."""
    return ScopeRow(
        kind,
        user_id,
        verdict,
        pages=1,
        requests=1,
        repairs=0,
        proven_spans=((0, 2**63 - 1),) if verdict == "complete" else (),
        problem=None,
        team_id=team_id,
    )


def _landed(rows: list[dict[str, Any]], schema: pa.Schema) -> pl.DataFrame:
    frame = pl.from_arrow(pa.Table.from_pylist(rows, schema=schema))
    assert isinstance(frame, pl.DataFrame)
    return frame
