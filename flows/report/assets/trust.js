// The runs behind the page.

import { byId, count, element, plural, total } from "./dom.js";
import { facts, organizations } from "./facts.js";
import { table } from "./range.js";
import { chosenOrganizations } from "./view.js";

const CLASSES = { complete: "good", partial: "warn" };

export function drawTrust() {
  const chosen = chosenOrganizations();
  const sum = (name) => total(chosen.map((at) => facts.measures.organizations[at][name]));
  const unconfirmed = sum("people_stale") + sum("entries_stale");
  byId("trust-text").replaceChildren(
    element(
      "strong",
      { class: unconfirmed ? "warn" : "good" },
      unconfirmed
        ? `The newest snapshot could not confirm ${plural(sum("people_stale"), "person", "people")} and ${plural(sum("entries_stale"), "entry", "entries")}.`
        : `The newest snapshot confirmed all ${plural(sum("entries"), "entry", "entries")}.`,
    ),
    " A row is deleted only if a snapshot proved that it is gone. Rows that an error hid stay, and are counted here.",
  );
  const runs = chosen.flatMap((at) =>
    facts.measures.organizations[at].runs.map((run) => ({ name: organizations[at].name, run })),
  );
  table(
    "runs",
    [
      ...(organizations.length > 1 ? ["Organization"] : []),
      ...["Snapshot (UTC)", "Outcome", "Rows read", "New", "Changed", "Deleted", "Quarantined"],
      ...["Scopes without proof", "Requests"],
    ],
    runs
      .sort((a, b) => (a.run[0] < b.run[0] ? 1 : -1))
      .map(({ name, run: [startedAt, outcome, ...numbers] }) => [
        ...(organizations.length > 1 ? [name] : []),
        startedAt.replace("T", " ").slice(0, 16),
        element("span", { class: CLASSES[outcome] ?? "bad" }, outcome),
        ...numbers.slice(0, 5).map(count),
        count(numbers[5] + numbers[6]),
        count(numbers[7]),
      ]),
    (at) => at > (organizations.length > 1 ? 2 : 1),
  );
}
