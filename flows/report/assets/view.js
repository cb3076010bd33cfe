// The chosen view: organization, team, search and grouping. It is in the address, and the browser stores it.

import { byId, element } from "./dom.js";
import { everyone, facts, organizations } from "./facts.js";

const KEY = "out-of-office.view";
const { compare } = new Intl.Collator("en");
const byName = everyone.filter(({ hasLeft }) => !hasLeft).sort((a, b) => compare(a.sortKey, b.sortKey));
const NAMES = ["organization", "team", "search", "group"];
const view = { organization: "", team: "", search: "", group: "" };

const isTeam = (team, text) => `${organizations[team.organization].id}/${team.id}` === text;

export const chosenTeam = () => facts.teams.findIndex((team) => isTeam(team, view.team));
export const isGrouped = () => view.group === "team" && facts.teams.length > 0;
export const isNarrow = () => Boolean(view.search.trim()) || chosenTeam() >= 0;

export const chosenOrganizations = () => {
  const chosen = organizations.findIndex(({ id }) => String(id) === view.organization);
  return chosen < 0 ? organizations.map((_, at) => at) : [chosen];
};

/* The members of the chosen view, by name. Search terms that commas separate are alternatives. */
export function chosenPeople() {
  const team = chosenTeam();
  const within = new Set(chosenOrganizations());
  const terms = view.search
    .toLocaleLowerCase("en")
    .split(",")
    .map((term) => term.trim())
    .filter(Boolean);
  return byName.filter(
    (person) =>
      within.has(person.organization) &&
      (team < 0 || person.teams.includes(team)) &&
      (!terms.length || terms.some((term) => person.sortKey.includes(term))),
  );
}

export function describeView() {
  const team = chosenTeam();
  const parts = [];
  if (team >= 0) parts.push(facts.teams[team].name);
  else if (view.organization && organizations.length > 1)
    parts.push(organizations[chosenOrganizations()[0]].name);
  if (view.search.trim()) parts.push(`“${view.search.trim()}”`);
  return parts.join(", ");
}

function asText() {
  return new URLSearchParams(NAMES.filter((name) => view[name]).map((name) => [name, view[name]])).toString();
}

function read(text) {
  const given = new URLSearchParams(text);
  for (const name of NAMES) view[name] = given.get(name) ?? "";
  if (view.team && chosenTeam() < 0) view.team = "";
}

function remember() {
  const text = asText();
  try {
    history.replaceState(null, "", `#${text}`);
    localStorage.setItem(KEY, text);
  } catch {} // a browser without storage has the view in the address alone
}

function load() {
  let text = location.hash.slice(1);
  try {
    text ||= localStorage.getItem(KEY) ?? "";
  } catch {}
  read(text);
}

function show() {
  for (const name of ["organization", "team", "search"]) byId(name).value = view[name];
  byId("group").checked = isGrouped();
  byId("view-name").textContent = describeView() || "everyone";
}

function fillTeams() {
  const within = new Set(chosenOrganizations());
  const prefix = (team) => (organizations.length > 1 ? `${organizations[team.organization].name}: ` : "");
  byId("team").replaceChildren(
    element("option", { value: "" }, "Everyone"),
    ...facts.teams
      .filter((team) => within.has(team.organization))
      .map((team) =>
        element(
          "option",
          { value: `${organizations[team.organization].id}/${team.id}` },
          `${prefix(team)}${team.name}`,
        ),
      ),
  );
}

async function copyLink() {
  const said = byId("copied");
  try {
    await navigator.clipboard.writeText(location.href);
    said.textContent = "Copied.";
  } catch {
    said.textContent = `Copy the address of this page: ${location.href}`;
  }
}

export function setUpView(redraw) {
  byId("organization-field").hidden = organizations.length < 2;
  byId("team-field").hidden = facts.teams.length === 0;
  byId("group-field").hidden = facts.teams.length === 0;
  byId("organization").append(
    element("option", { value: "" }, "All organizations"),
    ...organizations.map(({ id, name }) => element("option", { value: id }, name)),
  );
  const apply = () => {
    fillTeams();
    show();
    redraw();
  };
  byId("view").open = innerWidth > 860; // folded on phones and tablets, so that today comes first
  load();
  fillTeams();
  show();
  byId("filters").addEventListener("input", ({ target }) => {
    if (!NAMES.includes(target.id)) return;
    view[target.id] = target.type === "checkbox" ? (target.checked ? "team" : "") : target.value;
    if (target.id === "organization") view.team = "";
    remember();
    apply();
  });
  byId("copy").addEventListener("click", copyLink);
  addEventListener("hashchange", () => {
    read(location.hash.slice(1));
    apply();
  });
}
