/* Short messages at the corner of the page; screen readers read them out, errors at once. */
import { h } from "./dom.js";

const SECONDS = 6; // without an action; with one there must be time to reach it
const MOST = 4;

export function say(text, { kind = "", action = null, seconds = action ? 20 : SECONDS } = {}) {
  const place = document.getElementById(kind === "wrong" ? "alerts" : "messages");
  const toast = h("div", { class: `toast ${kind}` }, h("span", {}, String(text)));
  const leave = () => toast.remove();
  if (action) {
    toast.append(h("button", { type: "button", onclick: () => { leave(); action[1](); } }, action[0]));
  }
  toast.append(h("button", { type: "button", class: "quiet", "aria-label": "Close this message", onclick: leave }, "×"));
  place.append(toast);
  while (place.children.length > MOST) place.firstElementChild.remove();
  let waiting = setTimeout(leave, 1000 * (kind === "wrong" ? 2 * seconds : seconds));
  toast.addEventListener("pointerenter", () => clearTimeout(waiting)); // whoever reads it decides how long it stays
  toast.addEventListener("pointerleave", () => { waiting = setTimeout(leave, 2000); });
  return leave;
}
