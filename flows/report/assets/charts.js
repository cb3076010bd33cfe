// Charts as SVG. Each chart is an image with a summary; the pointer or the arrow keys read one column after the other.

import { byId, count, element } from "./dom.js";

const SPACE = "http://www.w3.org/2000/svg";
const LEFT = 46;

export function shape(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes))
    if (name === "style") made.style.cssText = value;
    else made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const text = (x, y, content, anchor = "middle") =>
  shape("text", { x, y, "text-anchor": anchor }, String(content));

/* Round steps for an axis of whole numbers from 0 to `most`. */
function stepsTo(most) {
  const rough = Math.max(most, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(
    1,
    [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough),
  );
  return Array.from({ length: Math.ceil(Math.max(most, 1) / step) + 1 }, (_, at) => at * step);
}

/* Read the columns of a chart with the pointer or the arrow keys; `places` are the boxes of the columns. */
function makeReadable(id, svg, places, describe) {
  const host = byId(id);
  const cursor = shape("rect", { class: "cursor", width: 0, height: 0, rx: 2 });
  let at = -1;
  svg.append(cursor);
  const read = (chosen) => {
    at = Math.max(0, Math.min(places.length - 1, chosen));
    if (!places[at]) return;
    const { x, y, width, height } = places[at];
    for (const [name, value] of Object.entries({ x, y, width, height })) cursor.setAttribute(name, value);
    byId(`${id}-readout`).textContent = describe(at);
  };
  host.onkeydown = (event) => {
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: places.length - 1 };
    if (steps[event.key] === undefined) return;
    event.preventDefault();
    read(steps[event.key]);
  };
  host.onpointermove = (event) => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const x = (event.clientX - box.left) * scale;
    const y = (event.clientY - box.top) * scale;
    const found = places.findIndex(
      (place) => x >= place.x && x < place.x + place.width && y >= place.y && y < place.y + place.height,
    );
    if (found >= 0) read(found);
  };
}

/* Put a chart into its place, with its summary. */
export function show(id, svg, places, describe, summary) {
  const host = byId(id);
  for (const [name, value] of Object.entries({
    role: "img",
    tabindex: "0",
    "aria-label": `${summary} The arrow keys read the values.`,
  }))
    host.setAttribute(name, value);
  byId(`${id}-text`).textContent = summary;
  byId(`${id}-readout`).textContent = "";
  host.replaceChildren(svg);
  makeReadable(id, svg, places, describe);
}

export const widthOf = (id) => Math.max(280, byId(id).clientWidth || 800);

export function legend(id, items) {
  byId(id).replaceChildren(
    ...items.map(([label, colour]) =>
      element("span", {}, element("i", { class: "key", style: `--swatch: ${colour}` }), label),
    ),
  );
}

/* A frame with a vertical axis, its unit, and the labels of the columns that fit. */
function frame(id, labels, most, unit, height) {
  const width = widthOf(id);
  const [top, bottom] = [24, height - 24];
  const steps = stepsTo(most);
  const y = (value) => bottom - (value / steps.at(-1)) * (bottom - top);
  const column = (width - LEFT) / Math.max(labels.length, 1);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  svg.append(text(0, 11, unit, "start"));
  for (const step of steps)
    svg.append(
      shape("line", { class: "grid", x1: LEFT, x2: width, y1: y(step), y2: y(step) }),
      text(LEFT - 8, y(step) + 4, count(step), "end"),
    );
  const every = Math.ceil(64 / column);
  labels.forEach((label, at) => {
    if (at % every === 0 && LEFT + column * (at + 0.5) < width - 16)
      svg.append(text(LEFT + column * (at + 0.5), height - 6, label));
  });
  const places = labels.map((_, at) => ({
    x: LEFT + at * column,
    y: top,
    width: column,
    height: bottom - top,
  }));
  return { svg, places, column, y };
}

/* Stacked bars: one bar per label, one colour per series. */
export function bars(id, { labels, series, unit, describe, summary }) {
  const sums = labels.map((_, at) => series.reduce((sum, { values }) => sum + values[at], 0));
  const { svg, places, column, y } = frame(id, labels, Math.max(0, ...sums), unit, 280);
  labels.forEach((_, at) => {
    let below = 0;
    for (const { values, colour } of series) {
      if (!values[at]) continue;
      const [from, to] = [y(below), y(below + values[at])];
      const gap = Math.min(column * 0.12, 4);
      svg.append(
        shape("rect", {
          x: LEFT + at * column + gap,
          y: to,
          width: Math.max(column - 2 * gap, 0.5),
          height: from - to,
          style: `fill: ${colour}`,
        }),
      );
      below += values[at];
    }
  });
  show(id, svg, places, describe, summary);
}

/* Lines: one line per series; a value that is null ends the line. */
export function lines(id, { labels, series, unit, describe, summary }) {
  const most = Math.max(0, ...series.flatMap(({ values }) => values.filter((value) => value !== null)));
  const { svg, places, column, y } = frame(id, labels, most, unit, 260);
  for (const { values, colour } of series) {
    const points = values.map((value, at) => [LEFT + column * (at + 0.5), value === null ? null : y(value)]);
    const known = points.filter(([, height]) => height !== null);
    svg.append(
      shape("polyline", {
        points: known.map((point) => point.map((one) => one.toFixed(1)).join(",")).join(" "),
        style: `fill: none; stroke: ${colour}; stroke-width: 2.2; stroke-linejoin: round`,
      }),
    );
    if (labels.length <= 12)
      svg.append(...known.map(([cx, cy]) => shape("circle", { cx, cy, r: 2.6, style: `fill: ${colour}` })));
  }
  show(id, svg, places, describe, summary);
}
