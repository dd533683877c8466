/*
A chart of lines, as SVG of our own. It reads its values to whoever points at it or moves the slider below it, and can
be opened as a table.

  const chart = new Chart(element, { title: "loss", across: "step", format: (value) => "0.123" });
  chart.show([{ name: "training", tone: 1, dashed: false, dots: false, x, y, low, high }], { log: true, smoothing: .9 });

x ascends; y, low and high have null where nothing is known. low and high, or y itself where it is smoothed, are drawn
faintly behind.
*/
import { h, number, s } from "./eye.js";
import { linear, logarithmic, short, smoothed } from "./chart-scale.js";

const HEIGHT = 260;
const [TOP, RIGHT, BOTTOM] = [10, 14, 30];
const LETTER = 6.6; // pixels of a digit beside an axis
const TABLE_ROWS = 40;
let made = 0;

export class Chart {
  constructor(host, { title, across = "step", format = number }) {
    Object.assign(this, { host, title, across, format, lines: [], log: false, smoothing: 0, place: null });
    made += 1;
    this.svg = s("svg", { class: "plot", role: "img", focusable: "false" });
    this.slider = h("input", { type: "range", class: "plot-slider", min: 0, step: 1, "aria-label": `${title}: read the values at a ${across}` });
    this.legend = h("ul", { class: "plain legend" });
    this.body = h("tbody");
    this.heads = h("tr");
    this.table = h("details", { class: "as-table" }, h("summary", {}, "As a table", h("span", { class: "unseen" }, ` of ${title}`)),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${title} as a table` }, h("table", { class: "data" }, h("thead", {}, this.heads), this.body)));
    this.where = h("span", { class: "where num" });
    host.replaceChildren(h("div", { class: "plot-title" }, h("h3", { id: `chart-${made}` }, title), this.where), h("div", { class: "plot-well" }, this.svg, this.slider), this.legend, this.table);
    this.svg.setAttribute("aria-labelledby", `chart-${made}`);
    this.table.addEventListener("toggle", () => this.fill());
    this.slider.addEventListener("input", () => this.point(this.places[Number(this.slider.value)]));
    this.slider.addEventListener("blur", () => this.point(null));
    this.svg.addEventListener("pointermove", (event) => this.point(this.under(event)));
    this.svg.addEventListener("pointerdown", (event) => this.point(this.under(event)));
    this.svg.addEventListener("pointerleave", () => this.point(null));
    this.width = 0;
    new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width);
      if (width !== this.width) {
        this.width = width;
        this.draw();
      }
    }).observe(this.svg.parentElement);
  }

  show(lines, { log = false, smoothing = 0 } = {}) {
    this.log = log;
    this.lines = lines.map((line) => ({ ...line, drawn: line.dots ? line.y : smoothed(line.y, smoothing) }));
    this.smoothing = smoothing;
    this.places = [...new Set(this.lines.flatMap((line) => line.x))].sort((one, other) => one - other);
    this.slider.max = Math.max(0, this.places.length - 1);
    this.values = this.lines.map((line) => h("span", { class: "num" }));
    this.legend.replaceChildren(...this.lines.map((line, at) => h("li", {}, swatch(line), h("span", { class: "clip", title: line.name }, line.name), this.values[at])));
    this.fill();
    this.draw();
    this.point(this.place);
  }

  /* Nothing that is not above 0 has a place on a logarithmic axis. */
  fits(value) {
    return value !== null && value !== undefined && (!this.log || value > 0);
  }

  draw() {
    if (!this.width || !this.lines.length) return;
    const values = this.lines.flatMap((line) => [...line.drawn, ...(line.low ?? []), ...(line.high ?? [])]).filter((one) => this.fits(one));
    const [low, high] = values.length ? bounds(values) : [this.log ? 0.1 : 0, 1];
    const down = this.log ? logarithmic(low, high, 5) : linear(low, high, 5);
    const words = down.ticks.map((one) => (this.tick ?? short)(one));
    const left = 12 + Math.max(...words.map((one) => one.length), 1) * LETTER;
    const wide = Math.max(40, this.width - left - RIGHT);
    const over = linear(this.places[0] ?? 0, this.places.at(-1) ?? 1, Math.max(3, Math.floor(wide / 90)), { whole: true, tight: true });
    const tall = HEIGHT - TOP - BOTTOM;
    this.x = (value) => left + over.at(value) * wide;
    this.y = (value) => TOP + (1 - down.at(value)) * tall;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    this.svg.setAttribute("width", this.width);
    this.svg.setAttribute("height", HEIGHT);
    this.cross = s("g", { class: "cross" });
    this.svg.replaceChildren(
      s("title", {}, this.told()),
      s("g", { class: "axis" },
        down.ticks.map((one, at) => [s("line", { x1: left, x2: left + wide, y1: this.y(one), y2: this.y(one) }), s("text", { x: left - 7, y: this.y(one) + 4, "text-anchor": "end" }, words[at])]),
        over.ticks.map((one) => s("text", { x: this.x(one), y: HEIGHT - 10, "text-anchor": "middle" }, short(one)))),
      ...this.lines.flatMap((line) => this.drawLine(line)), this.cross);
    this.point(this.place);
  }

  drawLine(line) {
    const kind = `tone-${line.tone}${line.dashed ? " dashed" : ""}`;
    const parts = [];
    if (line.low && line.high && line.low.some((one, at) => one !== line.high[at])) parts.push(s("path", { class: `band ${kind}`, d: this.band(line) }));
    else if (this.smoothing > 0 && !line.dots) parts.push(s("path", { class: `raw ${kind}`, d: this.path(line.x, line.y) }));
    if (line.dots) parts.push(...line.x.map((x, at) => (this.fits(line.y[at]) ? s("circle", { class: `dot ${kind}`, cx: this.x(x), cy: this.y(line.y[at]), r: line.x.length > 60 ? 2 : 3.2 }) : null)).filter(Boolean));
    if (!line.dots || line.joined) parts.push(s("path", { class: `line ${kind}`, d: this.path(line.x, line.drawn) }));
    return parts;
  }

  path(places, values) {
    let [text, pen] = ["", "M"];
    values.forEach((value, at) => {
      if (!this.fits(value)) pen = "M";
      else {
        text += `${pen}${this.x(places[at]).toFixed(1)} ${this.y(value).toFixed(1)}`;
        pen = "L";
      }
    });
    return text;
  }

  band(line) {
    const there = line.x.map((x, at) => [x, line.low[at], line.high[at]]).filter(([, low, high]) => this.fits(low) && this.fits(high));
    const point = ([x, value]) => `${this.x(x).toFixed(1)} ${this.y(value).toFixed(1)}`;
    return there.length ? `M${there.map(([x, , high]) => point([x, high])).join("L")}L${there.reverse().map(([x, low]) => point([x, low])).join("L")}Z` : "";
  }

  under(event) {
    const at = event.clientX - this.svg.getBoundingClientRect().left;
    if (!this.places?.length || !this.x) return null;
    return this.places.reduce((best, one) => (Math.abs(this.x(one) - at) < Math.abs(this.x(best) - at) ? one : best));
  }

  /* What each line says there, or last of all. */
  point(place) {
    this.place = place ?? null;
    if (!this.lines.length) return;
    const at = this.place ?? Infinity;
    const found = this.lines.map((line) => last(line, at));
    found.forEach((one, index) => { this.values[index].textContent = one ? this.format(one[1]) : "-"; });
    this.where.textContent = this.place === null ? "" : `${this.across} ${number(this.place)}`;
    this.slider.setAttribute("aria-valuetext", `${this.across} ${number(this.place ?? this.places.at(-1))}: ${this.lines.map((line, index) => `${line.name} ${found[index] ? this.format(found[index][1]) : "nothing"}`).join(", ")}`);
    if (this.place === null) this.slider.value = this.slider.max;
    if (!this.cross) return;
    const marks = this.place === null ? [] : found.map((one, index) => (one && this.fits(one[1]) ? s("circle", { class: `mark-at tone-${this.lines[index].tone}`, cx: this.x(one[0]), cy: this.y(one[1]), r: 4 }) : null));
    this.cross.replaceChildren(...(this.place === null ? [] : [s("line", { x1: this.x(this.place), x2: this.x(this.place), y1: TOP, y2: HEIGHT - BOTTOM })]), ...marks.filter(Boolean));
  }

  told() {
    const parts = this.lines.map((line) => {
      const end = last(line, Infinity);
      return end ? `${line.name}: ${this.format(line.drawn.find((one) => one !== null))} at first, ${this.format(end[1])} at ${this.across} ${number(end[0])}` : `${line.name}: nothing yet`;
    });
    return `${this.title}. ${parts.join("; ")}.`;
  }

  /* Rows evenly over the course: a reader of a table wants its shape, not a thousand lines. */
  fill() {
    if (!this.table.open || !this.places) return;
    const every = Math.max(1, Math.ceil(this.places.length / TABLE_ROWS));
    const rows = this.places.filter((_, at) => (this.places.length - 1 - at) % every === 0);
    this.heads.replaceChildren(h("th", { scope: "col", class: "num" }, this.across), ...this.lines.map((line) => h("th", { scope: "col", class: "num" }, line.name)));
    this.body.replaceChildren(...rows.map((place) => h("tr", {}, h("th", { scope: "row", class: "num" }, number(place)), this.lines.map((line) => h("td", { class: "num" }, cell(last(line, place), this.format))))));
  }
}

const cell = (found, format) => (found ? format(found[1]) : "-");

function bounds(values) {
  let [low, high] = [values[0], values[0]];
  for (const one of values) {
    if (one < low) low = one;
    if (one > high) high = one;
  }
  return [low, high];
}

/* [place, value] of a line's newest measurement up to a place. */
function last(line, place) {
  for (let at = line.x.length - 1; at >= 0; at -= 1) if (line.x[at] <= place && line.drawn[at] !== null) return [line.x[at], line.drawn[at]];
  return null;
}

function swatch(line) {
  return s("svg", { class: "swatch", viewBox: "0 0 22 10", "aria-hidden": "true", focusable: "false" },
    line.dots && !line.joined ? null : s("path", { class: `line tone-${line.tone}${line.dashed ? " dashed" : ""}`, d: "M1 5H21" }),
    line.dots ? s("circle", { class: `dot tone-${line.tone}`, cx: 11, cy: 5, r: 3.4 }) : null);
}
