// The facts in the page, decoded. People are objects that their absences refer to.

import { dayOf, shortDate } from "./dates.js";
import { byId, element } from "./dom.js";

export const facts = JSON.parse(byId("facts").textContent);
export const firstDay = dayOf(facts.first_on);
export const lastDay = dayOf(facts.last_on);
export const organizations = facts.organizations;
export const reasons = facts.reasons ?? [];
export const labelOf = (reason) => reasons[reason]?.label ?? "";

const dayAt = (offset) => (offset === null ? null : firstDay + offset);

export const everyone = facts.people.map(([organization, name, hint, calendar, teams, hasLeft], id) => ({
  id,
  organization,
  name,
  hint,
  calendar,
  teams,
  hasLeft: Boolean(hasLeft),
  absences: [],
  sortKey: `${name} ${hint ?? ""}`.toLocaleLowerCase("en"),
}));

for (const [person, from, to, back, cover, reason] of facts.absences)
  everyone[person].absences.push({
    from: dayAt(from),
    to: dayAt(to),
    back: dayAt(back),
    cover: cover === null ? null : everyone[cover],
    reason,
  });

export const changes = facts.changes.map(([kind, person, from, to, formerFrom, formerTo, reason]) => ({
  kind,
  person: everyone[person],
  from: dayAt(from),
  to: dayAt(to),
  formerFrom: dayAt(formerFrom),
  formerTo: dayAt(formerTo),
  reason,
}));

export const calendars = facts.calendars.map(({ name, off, holidays }) => ({
  name,
  off: new Set(off.map(dayAt)),
  holidays: new Map(holidays.map(([offset, holiday]) => [dayAt(offset), holiday])),
}));

/* The people of each organization whose entry marks the day as a bank holiday. */
export const bankHolidays = facts.bank_holidays.map(
  (days) => new Map(days.map(([offset, number]) => [dayAt(offset), number])),
);

/* The text beside the name that identifies the person: the hint for namesakes, a departure, the organization. */
const besideName = (person) =>
  [
    person.hint,
    person.hasLeft ? "has left" : null,
    organizations.length > 1 ? organizations[person.organization].name : null,
  ]
    .filter(Boolean)
    .join(", ");

export const nameOf = (person) =>
  besideName(person) ? `${person.name} (${besideName(person)})` : person.name;

export function nameNodes(person) {
  const beside = besideName(person);
  return beside ? [person.name, element("small", { class: "beside" }, ` ${beside}`)] : [person.name];
}

export const awayOn = (person, day) => person.absences.filter(({ from, to }) => from <= day && day <= to);

/* The absences of a person as bars: entries of one reason that overlap or follow each other are one bar. */
export function barsOf(person) {
  const bars = [];
  for (const { from, to, back, cover, reason } of person.absences) {
    const last = bars.findLast((bar) => bar.reason === reason);
    if (last && from <= last.to + 1) {
      if (to >= last.to) Object.assign(last, { to, back });
      last.covers.push(cover);
    } else bars.push({ from, to, back, reason, covers: [cover] });
  }
  return bars;
}

export function coverText(covers) {
  const names = new Set(covers.filter(Boolean).map(nameOf));
  return names.size ? `covered by ${[...names].join(", ")}` : "";
}

export const backText = (back) => (back === null ? "no date of return" : `back on ${shortDate(back)}`);

export const swatchOf = (reason) =>
  reason === undefined || reason === null
    ? null
    : `--swatch: var(--reason-${reasons[reason].reason}, var(--soft))`;

/* The reasons of the absences as labels. The page for colleagues has none. */
export const reasonTags = (absences) =>
  [...new Set(absences.map(({ reason }) => reason))]
    .filter((reason) => reason !== undefined)
    .map((reason) => element("span", { class: "tag", style: swatchOf(reason) }, labelOf(reason)));
