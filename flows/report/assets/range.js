// Measures over a range of dates. Every figure is a sum over days and reasons, as the macros of ooo.duckdb give it.
// Elements that hold a figure have it unformatted in data-value.

import { bars, legend, lines, shape, show, widthOf } from "./charts.js";
import {
  dayAndMonth,
  dayOf,
  localDay,
  longDate,
  MONTHS,
  readerToday,
  shortDate,
  textOf,
  weekdayOf,
  yearOf,
} from "./dates.js";
import { byId, count, element, fillList, people, plural, total } from "./dom.js";
import { facts, organizations } from "./facts.js";
import { chosenOrganizations, isNarrow } from "./view.js";

const HOLIDAY = "public_holiday";
const WEEKS_UP_TO_DAYS = 130; // a shorter range is drawn by week, a longer one by month
const AHEAD_DAYS = 90;
const FEW_ROWS = 25;

const measures = facts.measures;
const firstMeasured = dayOf(measures.first_on);
const lastMeasured = dayOf(measures.last_on);
const colourOf = (reason) => `var(--reason-${reason}, var(--reason-unknown))`;
const labels = Object.fromEntries(facts.reasons.map(({ reason, label }) => [reason, label]));

/* Numbers per day; a negative number -n stands for n days of zero. */
function decode(series) {
  const numbers = [];
  for (const number of series)
    if (number < 0) for (let at = number; at < 0; at += 1) numbers.push(0);
    else numbers.push(number);
  return numbers;
}

const decoded = measures.organizations.map((own) =>
  Object.fromEntries(
    Object.entries(own)
      .filter(([name, value]) => name !== "runs" && typeof value === "object")
      .map(([name, value]) => [
        name,
        Array.isArray(value)
          ? decode(value)
          : Object.fromEntries(Object.entries(value).map(([reason, days]) => [reason, decode(days)])),
      ]),
  ),
);

/* One sum per day of a quantity, over the chosen organizations and the given reasons. */
export function daily(quantity, from, to, reasons) {
  const sums = new Array(Math.max(to - from + 1, 0)).fill(0);
  for (const organization of chosenOrganizations())
    for (const reason of reasons) {
      const days = decoded[organization][quantity][reason] ?? [];
      for (let at = 0; at < sums.length; at += 1) sums[at] += days[from - firstMeasured + at] ?? 0;
    }
  return sums;
}

export const allReasons = () => facts.reasons.map(({ reason }) => reason);
export const withoutHolidays = (reasons) => reasons.filter((reason) => reason !== HOLIDAY);
export const aheadDays = () => ({ from: readerToday(), to: readerToday() + AHEAD_DAYS - 1 });
export const percent = (share) => (share === null ? "–" : `${(share * 100).toFixed(1)} %`);

function chosen() {
  return {
    reasons: [...document.querySelectorAll("#reasons input:checked")].map(({ value }) => value),
    from: dayOf(byId("from").value || "x"),
    to: dayOf(byId("to").value || "x"),
    measure: byId("measure").value,
  };
}

function problemOf({ from, to }) {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return "Give both dates.";
  if (from > to) return "The first date has to lie before the last.";
  if (from < firstMeasured || to > lastMeasured)
    return `This page covers ${longDate(firstMeasured)} to ${longDate(lastMeasured)}.`;
  return "";
}

/* A table with a header; cells are texts or elements, and numbers are aligned to the right. A table with an element
   `${id}-more` shows its first rows and a button; `makeCells` turns a row into cells. */
export function table(id, header, rows, isNumber = () => false, makeCells = (row) => row) {
  const line = (tag, cells) =>
    element(
      "tr",
      {},
      ...cells.map((cell, at) =>
        element(tag, { class: isNumber(at) ? "n" : null, scope: tag === "th" ? "col" : null }, cell),
      ),
    );
  const body = element("tbody", {});
  byId(id).replaceChildren(element("thead", {}, line("th", header)), body);
  const more = byId(`${id}-more`);
  fillList(body, rows, (row) => line("td", makeCells(row)), {
    most: more ? FEW_ROWS : rows.length,
    more: more ?? element("p"),
    label: `Show all ${count(rows.length)} rows`,
  });
}

export function tiles(id, list) {
  byId(id).replaceChildren(
    ...list.map(([name, shown, label, value]) =>
      element(
        "div",
        { class: "tile" },
        element("b", { id: name, "data-value": value }, shown),
        element("span", {}, label),
      ),
    ),
  );
}

function periodsOf(from, to) {
  const byWeek = to - from + 1 <= WEEKS_UP_TO_DAYS;
  const keyOf = byWeek
    ? (day) => textOf(Math.max(day - weekdayOf(day), from))
    : (day) => textOf(day).slice(0, 7);
  const nameOf = byWeek
    ? (key) => dayAndMonth(dayOf(key))
    : (key) => `${MONTHS[Number(key.slice(5)) - 1]} ${key.slice(0, 4)}`;
  return { keyOf, nameOf, title: byWeek ? "Week of" : "Month" };
}

function drawHistory({ reasons, from, to, measure }) {
  const { keyOf, nameOf, title } = periodsOf(from, to);
  const keys = [...new Set(Array.from({ length: to - from + 1 }, (_, at) => keyOf(from + at)))];
  const place = new Map(keys.map((key, at) => [key, at]));
  const series = reasons.map((reason) => {
    const values = new Array(keys.length).fill(0);
    daily(measure, from, to, [reason]).forEach((days, at) => {
      values[place.get(keyOf(from + at))] += days;
    });
    return { reason, values, colour: colourOf(reason) };
  });
  const sums = keys.map((_, at) => total(series.map(({ values }) => values[at])));
  const fullest = sums.indexOf(Math.max(...sums));
  const unit = measure === "absence_days" ? "person-days" : "person-days on working days";
  bars("history", {
    labels: keys.map(nameOf),
    series,
    unit,
    describe: (at) =>
      `${title === "Month" ? "" : "Week of "}${nameOf(keys[at])}: ${count(sums[at])} ${unit}${series
        .filter(({ values }) => values[at])
        .map(({ reason, values }) => `, ${labels[reason].toLowerCase()} ${count(values[at])}`)
        .join("")}.`,
    summary: total(sums)
      ? `${count(total(sums))} ${unit} of absence; most ${title === "Month" ? "in" : "in the week of"} ${nameOf(keys[fullest])}: ${count(sums[fullest])}.`
      : "No absence in these dates for these reasons.",
  });
  table(
    "history-table",
    [title, ...reasons.map((reason) => labels[reason]), "All"],
    keys.map((key, at) => [nameOf(key), ...series.map(({ values }) => count(values[at])), count(sums[at])]),
    (at) => at > 0,
  );
  drawReasons({ reasons, from, to, measure });
}

function drawReasons({ reasons, from, to, measure }) {
  const sums = (quantity) => reasons.map((reason) => total(daily(quantity, from, to, [reason])));
  const quantities = {
    absence_days: sums("absence_days"),
    absence_working_days: sums("absence_working_days"),
  };
  const all = total(quantities[measure]);
  const figure = (quantity, at) =>
    element(
      "span",
      { "data-reason": reasons[at], "data-quantity": quantity, "data-value": quantities[quantity][at] },
      count(quantities[quantity][at]),
    );
  table(
    "by-reason",
    ["Reason", "Calendar days", "Working days", "Share"],
    reasons.map((reason, at) => [
      element(
        "span",
        { style: `--swatch: ${colourOf(reason)}` },
        element("i", { class: "key", "aria-hidden": "true" }),
        ` ${labels[reason]}`,
      ),
      figure("absence_days", at),
      figure("absence_working_days", at),
      percent(all ? quantities[measure][at] / all : null),
    ]),
    (at) => at > 0,
  );
}

/* Four steps of colour that about as many days have each, so that one full day does not pale the others. */
function stepsOf(values) {
  const sorted = values.filter((value) => value > 0).sort((a, b) => a - b);
  const bounds = [0.25, 0.5, 0.75, 1].map((share) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0);
  return [...new Set(bounds)].filter((bound) => bound > 0);
}

function drawHeat({ reasons, from, to }) {
  const values = daily("absence_days", from, to, withoutHolidays(reasons));
  const steps = stepsOf(values);
  const colour = (value) =>
    `var(--heat-${value ? 5 - steps.length + steps.findIndex((bound) => value <= bound) : 0})`;
  const years = [...new Set([yearOf(from), yearOf(to)])];
  const span = Array.from({ length: years.at(-1) - years[0] + 1 }, (_, at) => years[0] + at);
  const width = widthOf("heat");
  const cell = Math.min(19, (width - 46) / 54);
  const block = 7 * cell + 34;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${block * span.length}`, "aria-hidden": "true" });
  const places = [];
  for (const [row, year] of span.entries()) {
    const first = dayOf(`${year}-01-01`);
    const top = row * block + 20;
    svg.append(shape("text", { x: 0, y: top + 4 * cell }, String(year)));
    for (let day = first; yearOf(day) === year; day += 1) {
      const week = Math.floor((day - first + weekdayOf(first)) / 7);
      const [x, y] = [42 + week * cell, top + weekdayOf(day) * cell];
      if (textOf(day).endsWith("-01"))
        svg.append(shape("text", { x, y: top - 6 }, MONTHS[Number(textOf(day).slice(5, 7)) - 1]));
      if (day < from || day > to) continue;
      const size = cell * 0.86;
      svg.append(
        shape("rect", {
          x,
          y,
          width: size,
          height: size,
          rx: cell * 0.16,
          style: `fill: ${colour(values[day - from])}`,
        }),
      );
      places.push({ x, y, width: cell, height: cell });
    }
  }
  const most = Math.max(0, ...values);
  const busiest = values.indexOf(most);
  show(
    "heat",
    svg,
    places,
    (at) => `${longDate(from + at)}: ${people(values[at])} out.`,
    most
      ? `The fullest day is ${longDate(from + busiest)}: ${people(most)} out.`
      : "Nobody is out in these dates for these reasons.",
  );
  legend("heat-legend", [
    ["0 people", "var(--heat-0)"],
    ...steps.map((bound, at) => {
      const low = (steps[at - 1] ?? 0) + 1;
      return [`${low === bound ? people(bound) : `${count(low)} to ${people(bound)}`}`, colour(bound)];
    }),
  ]);
  const fullest = values
    .map((value, at) => [from + at, value])
    .filter(([, value]) => value)
    .sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  table(
    "heat-table",
    ["Day", "People out"],
    fullest.slice(0, 20).map(([day, value]) => [longDate(day), count(value)]),
    (at) => at > 0,
  );
  return { most, busiest: most ? from + busiest : null };
}

function drawSeasons({ reasons, from, to, measure }) {
  const years = new Map();
  daily(measure, from, to, reasons).forEach((value, at) => {
    const [year, month] = textOf(from + at)
      .split("-")
      .map(Number);
    if (!years.has(year)) years.set(year, new Array(12).fill(null));
    years.get(year)[month - 1] = (years.get(year)[month - 1] ?? 0) + value;
  });
  const names = [...years.keys()];
  const shades = [
    "var(--accent)",
    "var(--reason-travel)",
    "var(--reason-custom)",
    "var(--reason-sick)",
    "var(--soft)",
  ];
  const shadeOf = (at) => shades[(names.length - 1 - at) % shades.length];
  const perMonth = MONTHS.map((_, at) => total(names.map((year) => years.get(year)[at] ?? 0)));
  const high = perMonth.indexOf(Math.max(...perMonth));
  lines("seasons", {
    labels: MONTHS,
    series: names.map((year, at) => ({ values: years.get(year), colour: shadeOf(at) })),
    unit: "person-days per month",
    describe: (at) =>
      `${MONTHS[at]}: ${names.map((year) => `${year} ${years.get(year)[at] === null ? "no data" : count(years.get(year)[at])}`).join(", ")} person-days.`,
    summary: total(perMonth)
      ? `Over ${plural(names.length, "year", "years")}, most person-days of absence are in ${MONTHS[high]}: ${count(perMonth[high])}.`
      : "No absence in these dates for these reasons.",
  });
  legend(
    "seasons-legend",
    names.map((year, at) => [String(year), shadeOf(at)]),
  );
  table(
    "seasons-table",
    ["Month", ...names.map(String)],
    MONTHS.map((month, at) => [
      month,
      ...names.map((year) => (years.get(year)[at] === null ? "–" : count(years.get(year)[at]))),
    ]),
    (at) => at > 0,
  );
}

function drawPeaks({ reasons }) {
  const { from, to } = aheadDays();
  const values = daily("absence_days", from, to, withoutHolidays(reasons));
  const top = values
    .map((value, at) => [from + at, value])
    .filter(([, value]) => value)
    .sort((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, 10);
  bars("peaks", {
    labels: values.map((_, at) => dayAndMonth(from + at)),
    series: [{ values, colour: "var(--accent)" }],
    unit: "people out",
    describe: (at) => `${longDate(from + at)}: ${people(values[at])} out.`,
    summary: top.length
      ? `The fullest day ahead is ${longDate(top[0][0])}: ${people(top[0][1])} out.`
      : "Nobody is out in the next 90 days for these reasons.",
  });
  byId("peaks").dataset.value = top[0]?.[1] ?? 0;
  table(
    "peaks-table",
    ["Day", "People out"],
    top.map(([day, value]) => [longDate(day), count(value)]),
    (at) => at > 0,
  );
}

function drawTiles({ reasons, from, to }, { most, busiest }) {
  const sum = (quantity, chosenReasons = reasons) => total(daily(quantity, from, to, chosenReasons));
  const available = total(
    chosenOrganizations().flatMap((at) =>
      decoded[at].available_working_days.slice(from - firstMeasured, to - firstMeasured + 1),
    ),
  );
  const rate = available ? sum("lost_working_days") / available : null;
  const snapshot = Math.max(...chosenOrganizations().map((at) => localDay(organizations[at].as_of)));
  const end = Math.min(to, snapshot);
  tiles("range-tiles", [
    ["absence-days", count(sum("absence_days")), "person-days of absence", sum("absence_days")],
    [
      "absence-working-days",
      count(sum("absence_working_days")),
      "person-days on working days",
      sum("absence_working_days"),
    ],
    [
      "absence-rate",
      percent(rate),
      end < from
        ? "no rate: these dates are after the snapshot"
        : `of the available working days lost up to ${shortDate(end)}, public holidays aside`,
      rate ?? "",
    ],
    [
      "busiest-day",
      count(most),
      busiest === null
        ? "no absence in this range"
        : `${most === 1 ? "person" : "people"} out on ${longDate(busiest)}, the fullest day`,
      most,
    ],
    [
      "conflict-days",
      count(sum("cover_away_days", withoutHolidays(reasons))),
      "person-days on working days with the cover away too",
      sum("cover_away_days", withoutHolidays(reasons)),
    ],
  ]);
}

export function drawRange() {
  const choice = chosen();
  const problem = problemOf(choice);
  byId("problem").textContent = problem;
  if (problem) return;
  byId("range-view").hidden = !isNarrow();
  byId("range").textContent = `${longDate(choice.from)} to ${longDate(choice.to)}`;
  drawHistory(choice);
  drawSeasons(choice);
  drawPeaks(choice);
  drawTiles(choice, drawHeat(choice));
}

function setDates(from, to) {
  byId("from").value = textOf(Math.max(from, firstMeasured));
  byId("to").value = textOf(Math.min(to, lastMeasured));
}

export function setUpRange() {
  const today = Math.min(readerToday(), lastMeasured);
  const year = yearOf(today);
  const ranges = [
    ["Last 90 days", today - 89, today],
    ["Next 90 days", today, today + 89],
    ["This year", dayOf(`${year}-01-01`), dayOf(`${year}-12-31`)],
    ["Last year", dayOf(`${year - 1}-01-01`), dayOf(`${year - 1}-12-31`)],
    ["All", firstMeasured, lastMeasured],
  ];
  byId("presets").append(
    ...ranges.map(([name, from, to]) => {
      const button = element("button", { type: "button" }, name);
      button.addEventListener("click", () => {
        setDates(from, to);
        drawRange();
      });
      return button;
    }),
  );
  for (const id of ["from", "to"]) {
    byId(id).min = measures.first_on;
    byId(id).max = measures.last_on;
  }
  setDates(dayOf(`${year - 1}-01-01`), dayOf(`${year}-12-31`));
  const used = new Set(measures.organizations.flatMap(({ absence_days }) => Object.keys(absence_days)));
  byId("reasons").append(
    ...facts.reasons
      .filter(({ reason }) => used.has(reason))
      .map(({ reason, label }) =>
        element(
          "label",
          { style: `--swatch: ${colourOf(reason)}` },
          element("input", { type: "checkbox", value: reason, checked: "" }),
          element("i", { class: "key", "aria-hidden": "true" }),
          label,
        ),
      ),
  );
  byId("range-filters").addEventListener("change", drawRange);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    drawRange();
  });
}
