/* One tile: the picture, its category, how sure that is, and why it is here. */
import { h, percent, s } from "./eye.js";

const CHECK = "M5 12.500l4.500 4.500L19 7.500";
const LIKE = "M4 5h10v10H4zM10 15v4h10V9h-6";

const icon = (path) => s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: path }));

export function blank(index) {
  return h("div", { class: "tile cell", role: "gridcell", tabindex: "-1", "aria-selected": "false", dataset: { index } });
}

export function skeleton(cell) {
  cell.classList.add("waiting");
  cell.setAttribute("aria-label", "Loading");
  cell.replaceChildren(h("span", { class: "shade" }), h("span", { class: "what" }, " "), h("span", { class: "how" }, " "));
  return null;
}

/* Gives the <img>, for whoever has its bytes. */
export function drawn(cell, picture, href, embedded) {
  cell.classList.remove("waiting");
  for (const state of ["abstained", "failed"]) cell.classList.toggle(state, picture.state === state && !picture.label);
  const sure = confidence(picture);
  const img = h("img", { alt: "", decoding: "async", draggable: "false" });
  img.addEventListener("error", () => cell.classList.add("broken"));
  img.addEventListener("load", () => cell.classList.add("there"));
  cell.setAttribute("aria-label", spoken(picture));
  cell.title = [picture.source, `${picture.width} × ${picture.height} pixels`, picture.why].filter(Boolean).join("\n");
  cell.replaceChildren(
    h("a", { class: "open", href, tabindex: "-1", draggable: "false", "aria-hidden": "true" }, img),
    h("button", { type: "button", class: "pick", tabindex: "-1", "aria-label": "Select", title: "Select (x)" }, icon(CHECK)),
    embedded ? h("button", { type: "button", class: "alike", tabindex: "-1", "aria-label": "More like this", title: "More like this (m)" }, icon(LIKE)) : null,
    h("span", { class: "what" }, h("span", { class: "clip" }, named(picture)), sure ? h("span", { class: "sure" }, sure) : null),
    h("span", { class: "how" }, reason(picture)));
  return img;
}

function named(picture) {
  if (picture.category) return picture.category;
  return { abstained: "Abstained", failed: "Failed" }[picture.state] ?? "Not categorised";
}

/* A person's label has no confidence: it is what counts. */
function confidence(picture) {
  if (picture.label) return "by hand";
  return picture.confidence === null ? "" : percent(picture.confidence, 0);
}

function reason(picture) {
  if (picture.why) return found(picture);
  if (picture.label && picture.said && picture.said !== picture.label) return `the model said ${picture.said}`;
  if (picture.category === null && picture.best) return `perhaps ${picture.best}, ${percent(picture.best_confidence, 0)}`;
  if (picture.category === null && picture.reason) return picture.reason;
  return file(picture);
}

/* Why it was found. What it is like is said above the list, so here only how much; a cosine is no share of anything. */
function found(picture) {
  if (picture.similarity === null) return picture.why;
  const [like, ...more] = picture.why.split("; ");
  return [like.includes(" like ") ? `${picture.similarity.toFixed(3)} alike` : like, ...more].join("; ");
}

const file = (picture) => picture.source.slice(picture.source.lastIndexOf("/") + 1);

function spoken(picture) {
  const sure = picture.label ? `labelled by ${picture.label_by ?? "a person"}` : confidence(picture);
  return [...new Set([named(picture), sure, reason(picture), file(picture)])].filter(Boolean).join(", ");
}
