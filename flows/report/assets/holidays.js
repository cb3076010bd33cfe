// Bank holidays: from the work calendars, and from the entries of many people.

import { people } from "./dom.js";
import { bankHolidays, calendars, organizations } from "./facts.js";
import { chosenOrganizations } from "./view.js";

const SHARE = 0.1; // of the people, from which their entries make the day a bank holiday

/* The name of the bank holiday of a day, or null. */
export function bankHolidayOn(day) {
  const names = new Set(calendars.map(({ holidays }) => holidays.get(day)).filter(Boolean));
  const chosen = chosenOrganizations();
  const off = chosen.reduce((sum, at) => sum + (bankHolidays[at].get(day) ?? 0), 0);
  const members = chosen.reduce((sum, at) => sum + organizations[at].people, 0);
  const number = off ? `bank holiday of ${people(off)}` : "";
  if (names.size) return [[...names].join(", "), number].filter(Boolean).join(", ");
  return off && off >= members * SHARE ? number : null;
}
