// New since yesterday: the entries that were added, moved or cancelled since the snapshot of an earlier date.

import { localDay, rangeText, readerToday, shortDate } from "./dates.js";
import { byId, count, element, fillList } from "./dom.js";
import { changes, nameNodes, organizations, reasonTags } from "./facts.js";
import { byAge } from "./today.js";
import { chosenPeople } from "./view.js";

const FEW_CHANGES = 10;

const TEXTS = {
  added: (change) => `away ${rangeText(change.from, change.to)}`,
  moved: (change) =>
    `${rangeText(change.formerFrom, change.formerTo)} moved to ${rangeText(change.from, change.to)}`,
  cancelled: (change) =>
    `not away ${rangeText(change.formerFrom ?? change.from, change.formerTo ?? change.to)}`,
};

function title() {
  const compared = byAge().filter(({ since }) => since);
  if (!compared.length) return "New since yesterday";
  const since = Math.min(...compared.map((one) => localDay(one.since)));
  const until = Math.max(...compared.map(({ as_of }) => localDay(as_of)));
  if (until === readerToday() && since === until - 1) return "New since yesterday";
  if (until === readerToday()) return `New since ${shortDate(since)}`;
  return `New from ${shortDate(since)} to ${shortDate(until)}`;
}

export function drawChanges() {
  const members = new Set(chosenPeople());
  const rows = changes.filter(({ person }) => members.has(person) || person.hasLeft);
  byId("changes-title").textContent = title();
  byId("changes-none").textContent = byAge().some(({ since }) => since)
    ? rows.length
      ? ""
      : "Nothing was added, moved or cancelled in this view."
    : `There is no snapshot of an earlier date yet to compare with${organizations.length > 1 ? " in this view" : ""}.`;
  const item = (change) =>
    element(
      "li",
      {},
      element("span", { class: `kind ${change.kind}` }, change.kind),
      element("strong", {}, ...nameNodes(change.person)),
      element("span", {}, TEXTS[change.kind](change), ...reasonTags([change])),
    );
  fillList(byId("changes"), rows, item, {
    most: FEW_CHANGES,
    more: byId("changes-more"),
    label: `Show all ${count(rows.length)} changes`,
  });
}
