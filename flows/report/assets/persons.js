// Days of absence per person, as absence_by_person gives them.

import { dayOf, rangeText } from "./dates.js";
import { byId, count, element, people } from "./dom.js";
import { everyone, facts, nameOf } from "./facts.js";
import { table } from "./range.js";
import { chosenPeople } from "./view.js";

const totals = facts.measures.people_totals.map(([person, days, workingDays, sickDays]) => ({
  person: everyone[person],
  figures: { absence_days: days, absence_working_days: workingDays, sick_days: sickDays },
}));

export function drawPersons() {
  const members = new Set(chosenPeople());
  const from = dayOf(facts.measures.people_from_on);
  const shown = totals
    .filter(({ person }) => members.has(person))
    .sort((a, b) => b.figures.absence_working_days - a.figures.absence_working_days);
  byId("persons-dates").textContent = rangeText(from, from + facts.measures.people_days - 1);
  table(
    "persons",
    ["Person", "Days", "Working days", "Sick days"],
    shown,
    (at) => at > 0,
    ({ person, figures }) => [
      nameOf(person),
      ...Object.entries(figures).map(([name, value]) =>
        element("span", { "data-quantity": name, "data-value": value }, count(value)),
      ),
    ],
  );
  byId("persons-print").textContent =
    `This print lists all ${people(shown.length)} of this view with an absence.`;
}
