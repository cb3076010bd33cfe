"""Turn an invented reading of teams into rows of landing segments, staging tables and verdicts."""

from typing import Any

import polars as pl
import pyarrow as pa

from flows.run.load import StagedRows
from landing.segments import MEMBERSHIP_SCHEMA, TEAM_SCHEMA
from tests.support.readings import TeamReading
from transforms.people import normalise_team_members, normalise_teams
from transforms.quality import collect_rejects
from transforms.staged import STAGED_TEAM_MEMBERS, STAGED_TEAMS
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
    """Return the teams as rows of landing segments."""
    rows: list[dict[str, Any]] = [
        {"page": team.page, "id": team.team_id, "name": team.name} for team in reading.teams
    ]
    rows += [
        {"page": reject.page, "id": reject.record_id, "problem": "name_missing", "raw": "{}"}
        for reject in reading.rejects
        if reject.kind == "team"
    ]
    return _landed(rows, TEAM_SCHEMA)


def landed_memberships(reading: TeamReading) -> pl.DataFrame:
    """Return the memberships as rows of landing segments."""
    rows: list[dict[str, Any]] = [
        {
            "page": membership.page,
            "id": membership.membership_id,
            "team_id": membership.team_id,
            "user_id": membership.user_id,
            "role": membership.role,
            "is_accepted": membership.is_accepted,
        }
        for membership in reading.memberships
    ]
    rows += [
        {
            "page": reject.page,
            "id": reject.record_id,
            "team_id": reject.team_id,
            "user_id": reject.user_id,
            "problem": "role_missing",
            "raw": "{}",
        }
        for reject in reading.rejects
        if reject.kind == "membership"
    ]
    return _landed(rows, MEMBERSHIP_SCHEMA)


def team_scopes(reading: TeamReading) -> list[ScopeRow]:
    """Return the verdicts of the list of teams and of each team that was read."""
    scopes = [scope_row("teams", reading.list_verdict)] if reading.list_verdict else []
    scopes += [scope_row("team", verdict, team_id=team_id) for team_id, verdict in reading.verdicts.items()]
    return scopes


def scope_row(kind: str, verdict: str, *, user_id: int | None = None, team_id: int | None = None) -> ScopeRow:
    """Return the verdict of a scope that was read with one request."""
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
