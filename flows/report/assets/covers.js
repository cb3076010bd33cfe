// Absences ahead without a present cover: none is named, or the cover is away, has left, or has a public holiday.

import { rangeText } from "./dates.js";
import { byId, count, element, plural, total } from "./dom.js";
import { calendars, everyone, facts, firstDay, nameOf, reasonTags } from "./facts.js";
import { aheadDays, allReasons, daily, table, tiles, withoutHolidays } from "./range.js";
import { chosenPeople } from "./view.js";

const gaps = facts.measures.cover_gaps.map(([person, from, to, kind, cover, reason]) => ({
  person: everyone[person],
  from: firstDay + from,
  to: firstDay + to,
  kind,
  cover: cover === null ? null : everyone[cover],
  reason,
}));

const TEXTS = {
  none: () => "no cover named",
  away: (cover) => `${nameOf(cover)} is away too`,
  gone: (cover) => (cover ? nameOf(cover) : "the cover has left"),
  holiday: (cover) => `${nameOf(cover)} has a public holiday`,
};

/* The working days of a span by the calendar of the person. */
function workingDays({ person, from, to }) {
  const off = calendars[person.calendar]?.off ?? new Set();
  let number = 0;
  for (let day = from; day <= to; day += 1) if (!off.has(day)) number += 1;
  return number;
}

export function drawCovers() {
  const { from, to } = aheadDays();
  const sum = (quantity) => total(daily(quantity, from, to, withoutHolidays(allReasons())));
  const names = ["uncovered_days", "cover_away_days", "cover_gone_days", "cover_holiday_days"];
  const [none, away, gone, holiday] = names.map(sum);
  const all = sum("absence_working_days");
  const without = none + away + gone + holiday;
  byId("cover-text").textContent = all
    ? `${count(without)} of ${plural(all, "person-day", "person-days")} of absence on working days have no present cover. Public holidays are left out.`
    : "Nobody is absent on a working day in the next 90 days.";
  tiles("cover-tiles", [
    ["no-present-cover", count(without), "person-days without a present cover", without],
    ["no-cover-named", count(none), "of them name no cover", none],
    ["cover-away", count(away), "name a cover who is away too", away],
    ["cover-gone", count(gone), "name a cover who has left", gone],
    ["cover-holiday", count(holiday), "are a public holiday of the cover", holiday],
  ]);
  const members = new Set(chosenPeople());
  const shown = gaps
    .filter((gap) => members.has(gap.person) && gap.from <= to && gap.to >= from)
    .map((gap) => ({ ...gap, from: Math.max(gap.from, from), to: Math.min(gap.to, to) }));
  table(
    "conflicts",
    ["Days", "Out", "Cover", "Working days"],
    shown,
    (at) => at > 2,
    (gap) => [
      rangeText(gap.from, gap.to),
      element("span", {}, nameOf(gap.person), ...reasonTags([gap])),
      TEXTS[gap.kind](gap.cover),
      count(workingDays(gap)),
    ],
  );
  byId("cover-print").textContent =
    `This print lists all ${plural(shown.length, "absence", "absences")} of this view without a present cover.`;
}
