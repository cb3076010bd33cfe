// Absence per team, as absence_by_team gives it.

import { dayOf, rangeText } from "./dates.js";
import { byId, count, element } from "./dom.js";
import { facts, organizations } from "./facts.js";
import { percent, table } from "./range.js";
import { chosenOrganizations, chosenTeam } from "./view.js";

const NAMES = ["people", "people_absent", "absence_days", "absence_working_days", "absence_rate"];
const textOf = (name, value) => (name === "absence_rate" ? percent(value) : count(value));

export function drawTeams() {
  const within = new Set(chosenOrganizations());
  const team = chosenTeam();
  const shown = facts.measures.team_totals
    .map(([at, ...figures]) => ({ at, figures, ...facts.teams[at] }))
    .filter(({ at, organization }) => within.has(organization) && (team < 0 || at === team));
  const from = dayOf(facts.measures.people_from_on);
  byId("by-team").hidden = !shown.length;
  byId("teams-dates").textContent = rangeText(from, from + facts.measures.people_days - 1);
  table(
    "teams",
    ["Team", "People", "Absent at least once", "Days", "Working days", "Lost working days"],
    shown,
    (at) => at > 0,
    ({ name, organization, figures }) => [
      organizations.length > 1 ? `${organizations[organization].name}: ${name}` : name,
      ...figures.map((value, at) =>
        element("span", { "data-quantity": NAMES[at], "data-value": value }, textOf(NAMES[at], value)),
      ),
    ],
  );
}
