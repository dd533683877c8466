/*
A frame with what the application draws over it. The picture is a canvas, the shapes are SVG above it: sharp at any
size, in the same moment, and readable to a screen reader as one sentence.

  const view = new View({ label: "north" }); host.append(view.element); view.show({ facts, picture })
*/
import { h, s } from "./eye.js";

const LETTERS = 12; // pixels of the screen
const LONGEST = 80; // letters of a label
const MOST = 2000; // shapes

export class View {
  constructor({ label }) {
    this.label = label;
    this.canvas = h("canvas", { width: 16, height: 9, "aria-hidden": "true" });
    this.over = s("svg", { class: "shapes", role: "img", focusable: "false", "aria-label": `${label}: no frame yet`, preserveAspectRatio: "none" });
    this.lines = h("ul", { class: "plain over-text", hidden: true });
    this.blank = h("p", { class: "no-frame" }, "No frame yet");
    this.element = h("div", { class: "view" }, this.canvas, this.over, this.lines, this.blank);
    this.frame = null;
  }

  show({ facts, picture }) {
    const { canvas } = this;
    if (canvas.width !== picture.width || canvas.height !== picture.height) Object.assign(canvas, { width: picture.width, height: picture.height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    this.frame = facts.frame;
    this.blank.hidden = true;
    this.element.style.setProperty("aspect-ratio", `${facts.frame.width} / ${facts.frame.height}`);
    this.over.setAttribute("viewBox", `0 0 ${facts.frame.width} ${facts.frame.height}`);
    const shapes = facts.shapes.slice(0, MOST);
    const pixel = facts.frame.width / Math.max(1, this.element.clientWidth || facts.frame.width);
    this.over.replaceChildren(...shapes.flatMap((one) => drawn(one, facts.frame, pixel)));
    const lines = shapes.filter((one) => one.shape === "text").flatMap((one) => one.lines);
    this.lines.hidden = !lines.length;
    this.lines.replaceChildren(...lines.map((one) => h("li", {}, one)));
    this.over.setAttribute("aria-label", `${this.label}: ${told(shapes)}`);
    this.element.dataset.frame = facts.frame.index;
  }
}

function told(shapes) {
  const labels = shapes.map((one) => one.label).filter(Boolean);
  const shown = labels.slice(0, 12).join("; ");
  return shown ? `${shown}${labels.length > 12 ? `; and ${labels.length - 12} more` : ""}` : "nothing is followed";
}

const path = (points, closed) => `M${points.map((one) => one.join(" ")).join("L")}${closed ? "Z" : ""}`;

/* Shapes are in pixels of the frame; a pixel of the screen is `pixel` of them. */
function drawn(one, frame, pixel) {
  const colour = /^#[0-9a-f]{6}$/i.test(one.colour ?? "") ? one.colour : "#ffffff";
  const width = 2 * pixel;
  const stroke = (attributes) => [
    s("path", { ...attributes, fill: "none", stroke: "#000", "stroke-opacity": 0.55, "stroke-width": width + 2 * pixel, "stroke-linejoin": "round" }),
    s("path", { ...attributes, fill: "none", stroke: colour, "stroke-width": width, "stroke-linejoin": "round" }),
  ];
  switch (one.shape) {
    case "box": {
      const [left, top, right, bottom] = one.at;
      return [...stroke({ d: `M${left} ${top}H${right}V${bottom}H${left}Z` }), ...label(one.label, left, top, frame, pixel, colour)];
    }
    case "line":
      return [...stroke({ d: path(one.points, one.closed) }), ...label(one.label, ...highest(one.points), frame, pixel, colour)];
    case "arrow":
      return [...stroke({ d: arrow(one.points[0], one.points[1], 8 * pixel) }), ...label(one.label, ...one.points[0], frame, pixel, colour)];
    case "fill":
      return [s("path", { d: path(one.points, true), fill: colour, "fill-opacity": one.share })];
    case "dot":
      return [s("circle", { cx: one.at[0], cy: one.at[1], r: 4 * pixel, fill: colour, stroke: "#000", "stroke-opacity": 0.55, "stroke-width": pixel })];
    case "heat":
      return heat(one, frame, colour);
    default:
      return [];
  }
}

const highest = (points) => points.reduce((best, one) => (one[1] < best[1] ? one : best));

export function arrow([x, y], [to, down], head) {
  const angle = Math.atan2(down - y, to - x);
  const wing = (turn) => `${to - head * Math.cos(angle + turn)} ${down - head * Math.sin(angle + turn)}`;
  return `M${x} ${y}L${to} ${down}M${wing(0.5)}L${to} ${down}L${wing(-0.5)}`;
}

/* Above its place, but in the picture. */
function label(text, x, y, frame, pixel, colour) {
  if (!text) return [];
  const shown = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
  const size = LETTERS * pixel;
  const wide = shown.length * size * 0.6;
  const left = Math.max(2 * pixel, Math.min(x, frame.width - wide - 2 * pixel));
  const down = Math.max(size + 2 * pixel, y - 4 * pixel);
  return [s("text", { x: left, y: down, "font-size": size, fill: colour, stroke: "#000", "stroke-width": 3 * pixel, "stroke-opacity": 0.8, "paint-order": "stroke", "stroke-linejoin": "round" }, shown)];
}

function heat(one, frame, colour) {
  const [wide, high] = [frame.width / one.columns, frame.height / one.rows];
  return one.values.map((value, at) => (value > 0.02
    ? s("rect", { x: (at % one.columns) * wide, y: Math.floor(at / one.columns) * high, width: wide, height: high, fill: colour, "fill-opacity": 0.6 * value })
    : null)).filter(Boolean);
}
