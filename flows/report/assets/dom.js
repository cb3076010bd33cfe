// Elements and numbers as text.

export const byId = (id) => document.getElementById(id);

/* An element. An attribute that is null or undefined is left out; `style` goes through the CSSOM. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") made.style.cssText = value;
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const inEnglish = new Intl.NumberFormat("en-GB"); // one formatter: toLocaleString makes one for each number
export const count = (number) => inEnglish.format(number);
export const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
export const people = (number) => plural(number, "person", "people");
export const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

const folded = new Map();

/* Fill a list with its first items, and a button for the others, so that a page of thousands of people opens at
   once. Print shows all items. */
export function fillList(place, items, make, { most, more, label }) {
  folded.delete(place);
  place.replaceChildren(...items.slice(0, most).map(make));
  more.replaceChildren();
  if (items.length <= most) return;
  const showRest = () => {
    folded.delete(place);
    more.replaceChildren();
    place.append(...items.slice(most).map(make));
  };
  folded.set(place, showRest);
  const button = element("button", { type: "button" }, label);
  button.addEventListener("click", () => {
    showRest();
    place.setAttribute("tabindex", "-1");
    place.focus({ preventScroll: true });
  });
  more.append(button);
}

/* Show every item of every list when the page is printed. */
export function setUpPrint() {
  addEventListener("beforeprint", () => {
    for (const showRest of [...folded.values()]) showRest();
  });
}

export function setUpTheme() {
  const themes = ["system", "light", "dark"];
  const button = byId("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = "system";
  const show = () => {
    const ofSystem = prefersDark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = chosen === "system" ? ofSystem : chosen;
    button.textContent = `Colours: ${chosen}`;
  };
  try {
    chosen = localStorage.getItem("out-of-office.theme") || chosen;
  } catch {}
  if (!themes.includes(chosen)) chosen = "system";
  show();
  prefersDark.addEventListener("change", show);
  button.addEventListener("click", () => {
    chosen = themes[(themes.indexOf(chosen) + 1) % themes.length];
    try {
      localStorage.setItem("out-of-office.theme", chosen);
    } catch {}
    show();
  });
}
