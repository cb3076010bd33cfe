// Today by name: the headline, the people who are out, who joins them next, and the age of the page.

import {
  dayOfMonth,
  hoursSince,
  instantText,
  localDay,
  longDate,
  monthOf,
  nearDate,
  readerToday,
  shortDate,
  weekdayName,
  weekdayOf,
  yearOf,
} from "./dates.js";
import { byId, count, element, fillList, people, plural } from "./dom.js";
import {
  awayOn,
  backText,
  calendars,
  coverText,
  everyone,
  lastDay,
  nameNodes,
  organizations,
  reasonTags,
} from "./facts.js";
import { bankHolidayOn } from "./holidays.js";
import { chosenOrganizations, chosenPeople, describeView, isNarrow } from "./view.js";

const FEW_PEOPLE = { out: 24, joining: 8 };
const OLD_HOURS = 36;

/* The chosen organizations, the one with the oldest snapshot first. One that is no longer read counts if no other
   is chosen. */
export function byAge() {
  const chosen = chosenOrganizations().map((at) => organizations[at]);
  const read = chosen.filter(({ is_read }) => is_read);
  return (read.length ? read : chosen).sort((a, b) => (a.as_of < b.as_of ? -1 : 1));
}

function ageText(hours) {
  if (hours < 1) return "less than an hour ago";
  return hours < 48
    ? `${plural(Math.round(hours), "hour", "hours")} ago`
    : `${count(Math.floor(hours / 24))} days ago`;
}

function drawAge() {
  const oldest = byAge()[0];
  const isOne = chosenOrganizations().length === 1;
  const subject = isOne ? "Read" : `The oldest data, of ${oldest.name}, were read`;
  const hours = hoursSince(oldest.as_of);
  const age = plural(Math.floor(hours / 24), "day", "days");
  const readOn = `from Cal.com on ${longDate(localDay(oldest.as_of))}`;
  const start = isOne
    ? `This page is ${age} old. It was read ${readOn}.`
    : `${subject} ${readOn}, ${age} ago.`;
  byId("age").hidden = hours <= OLD_HOURS;
  byId("age").textContent = byId("age").hidden
    ? ""
    : `${start} Absences that were added, moved or cancelled since then are missing: ask for a newer page.`;
  const incomplete = byAge().filter(({ outcome }) => outcome !== "complete");
  byId("status").replaceChildren(
    `${subject} from Cal.com ${instantText(oldest.as_of)}, ${ageText(hours)}.`,
    incomplete.length
      ? element(
          "span",
          { class: "warn" },
          ` The last run${isOne ? "" : ` of ${incomplete.map((one) => one.name).join(", ")}`} was not complete: some absences may be older.`,
        )
      : "",
  );
}

/* The day on which a person is back from the absences; null if it is not known. */
const latestBack = (absences) =>
  absences.some(({ back }) => back === null) ? null : Math.max(...absences.map(({ back }) => back));

function headline(out, members) {
  if (readerToday() > lastDay) return `This page ends on ${longDate(lastDay)}.`;
  const of = isNarrow() ? ` of ${people(members)}` : "";
  if (!out.length)
    return of ? `None${of} ${members === 1 ? "is" : "are"} out today.` : "Nobody is out today.";
  const returns = out
    .map(({ absences }) => latestBack(absences))
    .filter((day) => day !== null)
    .sort((a, b) => a - b);
  const start = `${of ? `${count(out.length)}${of}` : people(out.length)} ${out.length === 1 ? "is" : "are"} out today`;
  if (!returns.length) return `${start}.`;
  const first = returns.filter((day) => day === returns[0]).length;
  if (out.length === 1) return `${start}, back on ${nearDate(returns[0])}.`;
  const all = first === out.length ? "all" : count(first);
  return `${start}; ${all} ${first === 1 ? "is" : "are"} back on ${nearDate(returns[0])}.`;
}

/* The first day after today on which one of the calendars works. */
function nextWorkingDay() {
  let day = readerToday() + 1;
  const isOff = (one) => (calendars.length ? calendars.every(({ off }) => off.has(one)) : weekdayOf(one) > 4);
  while (day < readerToday() + 7 && isOff(day)) day += 1;
  return day;
}

function drawPeople(name, rows, empty) {
  const item = ({ person, absences, when }) =>
    element(
      "li",
      {},
      element("strong", {}, ...nameNodes(person)),
      element("span", {}, when),
      element("small", {}, coverText(absences.map(({ cover }) => cover)), ...reasonTags(absences)),
    );
  byId(`${name}-none`).textContent = rows.length ? "" : empty;
  fillList(byId(name), rows, item, {
    most: FEW_PEOPLE[name],
    more: byId(`${name}-more`),
    label: `Show all ${people(rows.length)}`,
  });
}

export function drawToday() {
  const today = readerToday();
  const next = nextWorkingDay();
  const members = chosenPeople();
  const out = members
    .map((person) => ({ person, absences: awayOn(person, today) }))
    .filter(({ absences }) => absences.length)
    .map((row) => ({ ...row, when: backText(latestBack(row.absences)) }));
  const joining = members
    .filter((person) => !awayOn(person, today).length)
    .map((person) => ({
      person,
      absences: person.absences.filter(({ from }) => from > today && from <= next),
    }))
    .filter(({ absences }) => absences.length)
    .map((row) => ({ ...row, when: backText(latestBack(row.absences)) }));
  byId("date").textContent = [
    `${weekdayName(today)} ${dayOfMonth(today)} ${monthOf(today)} ${yearOf(today)}`,
    describeView(),
  ]
    .filter(Boolean)
    .join(" · ");
  // A line breaks between the two parts of the sentence, if they do not fit into one.
  const parts = headline(out, members.length).split(/(?<=;) /);
  byId("headline").replaceChildren(
    ...parts.flatMap((part, at) => [at ? " " : "", element("span", {}, part)]),
  );
  byId("headline").dataset.value = out.length;
  const holiday = bankHolidayOn(today);
  byId("holiday").textContent = holiday ? `Today: ${holiday}.` : "";
  byId("joining-title").textContent =
    next === today + 1 ? "Out from tomorrow" : `Absences that begin by ${weekdayName(next)}`;
  drawPeople(
    "out",
    out,
    everyone.length ? "Nobody in this view is out today." : "This page has no people yet.",
  );
  drawPeople("joining", joining, `Nobody else leaves by ${shortDate(next)}.`);
  drawAge();
}
