// The two weeks ahead: one row per person, one bar per absence, from today on.

import { dayOfMonth, monthOf, rangeText, readerToday, shortDate, weekdayName, weekdayOf } from "./dates.js";
import { byId, element, fillList, people } from "./dom.js";
import {
  awayOn,
  backText,
  barsOf,
  calendars,
  coverText,
  facts,
  firstDay,
  labelOf,
  lastDay,
  nameNodes,
  nameOf,
  organizations,
  swatchOf,
} from "./facts.js";
import { bankHolidayOn } from "./holidays.js";
import { chosenPeople, isGrouped, isNarrow } from "./view.js";

const FEW_ROWS = 60;
const WIDE_DAYS = 21; // a longer span has a date at every Monday only

function shownDays() {
  const today = readerToday();
  const first = byId("past").checked ? today - 7 : today;
  const length = today - first + Number(byId("span").value);
  return Array.from({ length }, (_, at) => first + at);
}

const shadeOf = (calendar, day) => {
  if (bankHolidayOn(day) && (!calendar || calendar.off.has(day) || !calendar.holidays.size))
    return "--holiday";
  return (calendar ? calendar.off.has(day) : weekdayOf(day) > 4) ? "--weekend" : null;
};

/* The tints of the columns as one gradient per calendar, which every row of the calendar has as background. */
function tints(days) {
  const width = 100 / days.length;
  const gradientOf = (calendar) => {
    const stops = days.flatMap((day, at) => {
      const colour = shadeOf(calendar, day);
      const stop = (edge) => `${(edge * width).toFixed(3)}%`;
      return [`${colour ? `var(${colour})` : "transparent"} ${stop(at)} ${stop(at + 1)}`];
    });
    return `linear-gradient(90deg, ${stops.join(", ")})`;
  };
  return calendars.map(gradientOf);
}

function header(days) {
  const today = readerToday();
  const isWide = days.length > WIDE_DAYS;
  return element(
    "tr",
    {},
    element("th", { scope: "col" }, "Person"),
    ...days.map((day) => {
      const holiday = bankHolidayOn(day);
      const kind = [day === today && "today", holiday ? "holiday" : weekdayOf(day) > 4 && "weekend"];
      const isNamed = !isWide || weekdayOf(day) === 0 || day === today;
      return element(
        "th",
        { scope: "col", class: kind.filter(Boolean).join(" ") || null, title: holiday },
        element(
          "span",
          { class: "spoken" },
          `${weekdayName(day)} ${dayOfMonth(day)} ${monthOf(day)}${holiday ? `, ${holiday}` : ""}`,
        ),
        element(
          "span",
          { "aria-hidden": "true" },
          isNamed ? weekdayName(day)[0] : "",
          element("b", {}, isNamed ? String(dayOfMonth(day)) : ""),
        ),
      );
    }),
  );
}

export const barText = (bar) =>
  [
    labelOf(bar.reason) || "Away",
    ` ${[rangeText(bar.from, bar.to), backText(bar.back), coverText(bar.covers)].filter(Boolean).join(", ")}`,
  ].join("");

function bar(person, absence, days) {
  const from = Math.max(absence.from, days[0]) - days[0];
  const to = Math.min(absence.to, days.at(-1)) - days[0] + 1;
  const edges = [absence.from < days[0] && "cut-left", absence.to > days.at(-1) && "cut-right"];
  const width = 100 / days.length;
  return element(
    "button",
    {
      type: "button",
      tabindex: "-1",
      class: ["bar", ...edges].filter(Boolean).join(" "),
      style: `left: ${(from * width).toFixed(3)}%; width: ${((to - from) * width).toFixed(3)}%; ${swatchOf(absence.reason) ?? ""}`,
      "aria-label": `${nameOf(person)}: ${barText(absence)}`,
    },
    element("span", { class: "bar-label", "aria-hidden": "true" }, labelOf(absence.reason)),
  );
}

function personRow(person, days) {
  const bars = barsOf(person).filter(({ from, to }) => from <= days.at(-1) && to >= days[0]);
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, ...nameNodes(person)),
    element(
      "td",
      { colspan: days.length, class: "track", style: `--tint: var(--calendar-${person.calendar})` },
      ...bars.map((absence) => bar(person, absence, days)),
      ...(bars.length ? [] : [element("span", { class: "spoken" }, "not away in these days")]),
    ),
  );
}

/* The rows of the board: people, and a heading per team if the view is grouped. */
function rowsOf(members) {
  if (!isGrouped()) return members.map((person) => ({ person }));
  const groups = facts.teams.map((team, at) => [team, members.filter(({ teams }) => teams.includes(at))]);
  groups.push([{ name: "Without a team" }, members.filter(({ teams }) => !teams.length)]);
  return groups
    .filter(([, group]) => group.length)
    .flatMap(([team, group]) => [{ team, group }, ...group.map((person) => ({ person }))]);
}

function groupRow({ team, group }, days) {
  const out = group.filter((person) => awayOn(person, readerToday()).length).length;
  const owner = organizations.length > 1 && organizations[team.organization];
  return element(
    "tr",
    { class: "group" },
    element(
      "th",
      { scope: "colgroup", colspan: days.length + 1 },
      `${owner ? `${owner.name}: ` : ""}${team.name}`,
      element("small", {}, ` ${people(out)} out today`),
    ),
  );
}

function sayWhat(days, members, rows) {
  const away = members.filter((person) => rows.has(person)).length;
  byId("board-title").textContent = {
    14: "The two weeks ahead",
    28: "The four weeks ahead",
    56: "The eight weeks ahead",
  }[byId("span").value];
  byId("board-dates").textContent = `${shortDate(days[0])} to ${shortDate(days.at(-1))}`;
  byId("board-none").textContent = away ? "" : "Nobody in this view is away in these days.";
  const holidays = days.map((day) => [day, bankHolidayOn(day)]).filter(([, name]) => name);
  byId("board-holidays").textContent = holidays
    .map(([day, name]) => `${shortDate(day)}: ${name}`)
    .join(" · ");
  byId("board-end").textContent =
    days.at(-1) > lastDay || days[0] < firstDay
      ? `This page has the absences from ${shortDate(firstDay)} to ${shortDate(lastDay)} only.`
      : "";
  byId("board-print").textContent =
    `This print lists ${away === 1 ? "the one person" : `all ${people(away)}`} of this view who ${away === 1 ? "is" : "are"} away from ${shortDate(days[0])} to ${shortDate(days.at(-1))}.`;
}

export function drawBoard() {
  const days = shownDays();
  const isShown = ({ from, to }) => from <= days.at(-1) && to >= days[0];
  const members = chosenPeople();
  const away = new Set(members.filter(({ absences }) => absences.some(isShown)));
  const shown = isNarrow() ? members : [...away];
  const board = byId("board");
  board.style.cssText = tints(days)
    .map((tint, at) => `--calendar-${at}: ${tint}`)
    .join(";");
  board.style.setProperty("--days", days.length);
  board.style.setProperty("--today", days.indexOf(readerToday()));
  board.classList.toggle("wide", days.length > WIDE_DAYS);
  const body = element("tbody", {});
  board.replaceChildren(element("thead", {}, header(days)), body);
  fillList(body, rowsOf(shown), (row) => (row.team ? groupRow(row, days) : personRow(row.person, days)), {
    most: FEW_ROWS,
    more: byId("board-more"),
    label: `Show all ${people(shown.length)}`,
  });
  board.querySelector(".bar")?.setAttribute("tabindex", "0");
  sayWhat(days, members, away);
}

// One bar is in the tab order; the arrow keys move among the bars. A bar shows its text while it has the focus.
function showTip(target) {
  const tip = byId("tip");
  tip.hidden = !target;
  if (!target) return;
  tip.textContent = target.getAttribute("aria-label");
  const box = target.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8));
  tip.style.cssText = `left: ${left + scrollX}px; top: ${box.bottom + scrollY + 6}px`;
}

function moveFocus(event) {
  const steps = {
    ArrowRight: 1,
    ArrowDown: 1,
    ArrowLeft: -1,
    ArrowUp: -1,
    Home: Number.NEGATIVE_INFINITY,
    End: Number.POSITIVE_INFINITY,
  };
  const step = steps[event.key];
  if (event.key === "Escape") showTip(null);
  if (step === undefined || !event.target.classList.contains("bar")) return;
  const bars = [...byId("board").querySelectorAll(".bar")];
  const at = Math.max(0, Math.min(bars.length - 1, bars.indexOf(event.target) + step));
  event.preventDefault();
  event.target.setAttribute("tabindex", "-1");
  bars[at].setAttribute("tabindex", "0");
  bars[at].focus();
}

export function setUpBoard() {
  const board = byId("board");
  const barAt = ({ target }) => (target.classList?.contains("bar") ? target : null);
  board.addEventListener("keydown", moveFocus);
  board.addEventListener("focusin", (event) => showTip(barAt(event)));
  board.addEventListener("focusout", () => showTip(null));
  board.addEventListener("pointerover", (event) => showTip(barAt(event)));
  board.addEventListener("pointerleave", () => showTip(null));
  for (const id of ["past", "span"]) byId(id).addEventListener("input", drawBoard);
}
