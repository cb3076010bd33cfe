"""The views of ooo.duckdb over the naive warehouse, in plain Python and without code of the product."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tests.support.naive import NaiveWarehouse
from tests.support.naive_rules import REASONS, Row

NEVER_ENDS = date.max


def list_team_members(naive: NaiveWarehouse) -> list[Row]:
    """Return the rows of `team_members`."""
    return [
        {
            **_organization(organization_id),
            "team_id": team_id,
            "team": team,
            "user_id": user_id,
            "name": naive.people[organization_id, user_id]["name"],
            "role": naive.teams.members[organization_id, team_id, user_id]["role"],
        }
        for organization_id, team_id, team in naive.teams.live_teams()
        for user_id in naive.team_people(organization_id, team_id)
    ]


def list_members(naive: NaiveWarehouse) -> list[Row]:
    """Return the rows of `members`."""
    columns = ("user_id", "name", "email", "calendar", "member_from_on")
    return [
        {
            **_organization(person["organization_id"]),
            "teams": _teams(naive, person["organization_id"], person["user_id"]),
            **{column: person[column] for column in columns},
        }
        for person in naive.tables()["dim_people"]
        if person["left_at"] is None
    ]


def list_absences(naive: NaiveWarehouse) -> list[Row]:
    """Return the rows of `absences`."""
    rows = []
    members = {(row["organization_id"], row["user_id"]): row for row in naive.tables()["dim_people"]}
    for entry in naive.tables()["fct_ooo_entries"]:
        organization_id, is_live = entry["organization_id"], entry["deleted_at"] is None
        if entry["starts_on"] > entry["ends_on"] or not (is_live or entry["materialized_days"]):
            continue
        ends_on = entry["ends_on"]
        if not is_live:
            ends_on = entry["starts_on"] + timedelta(days=entry["materialized_days"] - 1)
        person = naive.people[organization_id, entry["user_id"]]
        cover = members.get((organization_id, entry["covering_user_id"]))
        whole_at = naive.first_complete.get(organization_id)
        seen_at = entry["first_seen_at"]
        is_known = whole_at is not None and seen_at > whole_at and seen_at > person["first_seen_at"]
        is_staying = cover and (cover["member_to_on"] or NEVER_ENDS) >= entry["starts_on"]
        rows.append(
            {
                **_organization(organization_id),
                "entry_id": entry["entry_id"],
                "user_id": entry["user_id"],
                "name": person["name"],
                "teams": _teams(naive, organization_id, entry["user_id"]),
                "reason": entry["reason"],
                "reason_label": REASONS[entry["reason"]],
                "starts_on": entry["starts_on"],
                "ends_on": ends_on,
                "calendar_days": (ends_on - entry["starts_on"]).days + 1,
                "working_days": entry["working_days"],
                "covering_user_id": entry["covering_user_id"],
                "covering_name": cover and cover["name"],
                "has_cover": bool(is_staying) and entry["covering_user_id"] != entry["user_id"],
                "lead_days": (entry["starts_on"] - seen_at.date()).days if is_known else None,
                "deletion_cause": entry["deletion_cause"],
                "is_stale": entry["is_stale"],
            }
        )
    return rows


def list_person_reason_months(naive: NaiveWarehouse) -> list[Row]:
    """Return the rows of `person_reason_months`."""
    days_of: dict[tuple[int, int, date, str], list[tuple[date, Row]]] = defaultdict(list)
    for (organization_id, user_id, day), row in naive.absence_days().items():
        days_of[organization_id, user_id, day.replace(day=1), row["reason"]].append((day, row))
    rows = []
    for (organization_id, user_id, month_on, reason), days in days_of.items():
        snapshot_on = naive.latest[organization_id].date()
        working = [day for day, row in days if row["is_working_day"]]
        taken = sum(day <= snapshot_on for day in working)
        person = naive.people[organization_id, user_id]
        rows.append(
            {
                **_organization(organization_id),
                "user_id": user_id,
                "name": person["name"],
                "email": person["email"],
                "teams": _teams(naive, organization_id, user_id),
                "month_on": month_on,
                "reason": reason,
                "reason_label": REASONS[reason],
                "absence_days": len(days),
                "absence_working_days": len(working),
                "taken_working_days": taken,
                "planned_working_days": len(working) - taken,
            }
        )
    return rows


def list_team_days(naive: NaiveWarehouse) -> list[Row]:
    """Return the rows of `team_days`."""
    rows = []
    absent_on = {
        key[0]: [day for org, _, day in naive.absence_days() if org == key[0]] for key in naive.people
    }
    tables = naive.tables()
    people = {(person["organization_id"], person["user_id"]): person for person in tables["dim_people"]}
    for team in tables["dim_teams"]:
        organization_id, team_id = team["organization_id"], team["team_id"]
        if not (days := absent_on.get(organization_id)):
            continue
        day, last = min(days), max(*days, naive.latest[organization_id].date())
        while day <= last:
            present = [
                people[organization_id, member["user_id"]]
                for member in tables["dim_team_members"]
                if (member["organization_id"], member["team_id"]) == (organization_id, team_id)
                and member["is_accepted"]
                and (organization_id, member["user_id"]) in people
                and day <= _last_day(member["left_at"], team["deleted_at"])
                and people[organization_id, member["user_id"]]["member_from_on"] <= day
                and day <= (people[organization_id, member["user_id"]]["member_to_on"] or NEVER_ENDS)
            ]
            if present:
                rows.append(_team_day(naive, team, day, present))
            day += timedelta(days=1)
    return rows


def _team_day(naive: NaiveWarehouse, team: Row, day: date, people: list[Row]) -> Row:
    organization_id = team["organization_id"]
    due = [
        person
        for person in people
        if naive.calendar_of(organization_id, person["user_id"])[1].is_working(day)
    ]
    reasons = {
        person["user_id"]: naive.absence_days()
        .get((organization_id, person["user_id"], day), {})
        .get("reason")
        for person in due
    }
    absent = [person for person in due if reasons[person["user_id"]] not in {None, "public_holiday"}]
    present = [person for person in due if reasons[person["user_id"]] is None]
    named = sorted((person["name"], person["user_id"]) for person in absent if person["name"] is not None)
    last_present = present[0] if len(present) == 1 and absent else {}
    return {
        **_organization(organization_id),
        "team_id": team["team_id"],
        "team": team["name"],
        "date_on": day,
        "is_planned": day > naive.latest[organization_id].date(),
        "people": len(people),
        "people_due": len(due),
        "people_absent": len(absent),
        "people_sick": list(reasons.values()).count("sick"),
        "people_on_holiday": list(reasons.values()).count("public_holiday"),
        "people_present": len(present),
        "share_absent": len(absent) / len(due) if due else None,
        "absent_names": ", ".join(name for name, _ in named) or None,
        "last_present_user_id": last_present.get("user_id"),
        "last_present_name": last_present.get("name"),
    }


def list_cover_days(naive: NaiveWarehouse) -> list[Row]:
    """Return the rows of `cover_days`."""
    covered: dict[tuple[int, int, date], list[tuple[int, Row]]] = defaultdict(list)
    for (organization_id, user_id, day), row in naive.absence_days().items():
        if row["is_working_day"] and row["covering_user_id"] not in {None, user_id}:
            covered[organization_id, row["covering_user_id"], day].append((user_id, row))
    members = {(row["organization_id"], row["user_id"]): row for row in naive.tables()["dim_people"]}
    rows = []
    for (organization_id, cover_id, day), absent in covered.items():
        cover = members.get((organization_id, cover_id))
        names = [(naive.people[organization_id, user_id]["name"], user_id) for user_id, _ in absent]
        named = sorted(pair for pair in names if pair[0] is not None)
        rows.append(
            {
                **_organization(organization_id),
                "covering_user_id": cover_id,
                "covering_name": cover and cover["name"],
                "date_on": day,
                "people_covered": len(absent),
                "covered_names": ", ".join(name for name, _ in named) or None,
                "is_cover_absent": absent[0][1]["is_cover_absent"],
                "has_cover_left": cover is None or (cover["member_to_on"] or NEVER_ENDS) < day,
            }
        )
    return rows


def _organization(organization_id: int) -> Row:
    return {"organization_id": organization_id, "organization": f"Organization {organization_id}"}


def _teams(naive: NaiveWarehouse, organization_id: int, user_id: int) -> str | None:
    teams = [
        (row["team"], row["team_id"])
        for row in list_team_members(naive)
        if (row["organization_id"], row["user_id"]) == (organization_id, user_id) and row["team"] is not None
    ]
    return ", ".join(team for team, _ in sorted(teams)) or None


def _last_day(*instants: Any) -> date:
    return min([instant.date() for instant in instants if instant is not None], default=NEVER_ENDS)


VIEWS: dict[str, Callable[[NaiveWarehouse], list[Row]]] = {
    "team_members": list_team_members,
    "members": list_members,
    "absences": list_absences,
    "person_reason_months": list_person_reason_months,
    "team_days": list_team_days,
    "cover_days": list_cover_days,
}
"""The views that do not depend on the current date."""
