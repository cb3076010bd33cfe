// Civil dates are numbers of days since 1970, never a local time. Texts are in English.

const DAY = 86400000;
const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
export const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export const dayOf = (text) => Math.round(Date.parse(`${text.slice(0, 10)}T00:00:00Z`) / DAY);
export const textOf = (day) => new Date(day * DAY).toISOString().slice(0, 10);
export const weekdayOf = (day) => (((day + 3) % 7) + 7) % 7; // 0 is Monday
export const dayOfMonth = (day) => new Date(day * DAY).getUTCDate();
export const monthOf = (day) => MONTHS[new Date(day * DAY).getUTCMonth()];
export const yearOf = (day) => new Date(day * DAY).getUTCFullYear();
export const weekdayName = (day) => WEEKDAYS[weekdayOf(day)];

/* The reader's own date and instant; a page is read later than it was written. */
export function readerToday() {
  const now = new Date();
  return Math.round(Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) / DAY);
}

export function shortDate(day) {
  const year = yearOf(day) === yearOf(readerToday()) ? "" : ` ${yearOf(day)}`;
  return `${weekdayName(day).slice(0, 3)} ${dayOfMonth(day)} ${monthOf(day)}${year}`;
}

export const dayAndMonth = (day) => `${dayOfMonth(day)} ${monthOf(day)}`;

export const longDate = (day) =>
  `${weekdayName(day).slice(0, 3)} ${dayOfMonth(day)} ${monthOf(day)} ${yearOf(day)}`;

export const rangeText = (from, to) =>
  from === to ? shortDate(from) : `${shortDate(from)} to ${shortDate(to)}`;

/* A weekday within the next six days, else a date. */
export const nearDate = (day) =>
  day > readerToday() && day < readerToday() + 7 ? weekdayName(day) : shortDate(day);

/* An instant that is written in UTC, in the reader's time zone. */
export function instantText(text) {
  const at = new Date(`${text}Z`);
  const day = Math.round(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / DAY);
  const time = `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
  const names = { 0: "today", 1: "yesterday" };
  return `${names[readerToday() - day] ?? `on ${longDate(day)}`} at ${time}`;
}

export const localDay = (text) => {
  const at = new Date(`${text}Z`);
  return Math.round(Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / DAY);
};

export const hoursSince = (text) => (Date.now() - Date.parse(`${text}Z`)) / 3600000;
