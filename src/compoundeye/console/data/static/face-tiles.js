/*
A list of faces to choose from. Each entry is { id, face, what, how, href, name }: its number, the crop that is shown (or
null), two lines, where it leads (or null) and what it is called. Arrows go from one to the next, x or Space chooses.
*/
import { h, keys } from "./eye.js";

export class Tiles {
  constructor(list, title, changed) {
    this.list = list;
    this.changed = changed;
    this.chosen = new Map();
    list.addEventListener("focusin", (event) => { this.at = event.target.closest("li"); });
    keys(title, {
      ArrowRight: ["next", () => this.go(1)],
      ArrowLeft: ["one back", () => this.go(-1)],
      ArrowDown: ["next row", () => this.go(this.columns())],
      ArrowUp: ["row above", () => this.go(-this.columns())],
      x: ["choose", () => this.toggle()],
      Escape: ["choose none", () => this.clear()],
    });
  }

  show(entries, { again = false } = {}) {
    if (again) {
      this.list.replaceChildren();
      this.chosen.clear();
      this.at = null;
    }
    this.list.append(...entries.map((one) => this.tile(one)));
    this.list.setAttribute("aria-busy", "false");
    this.changed();
  }

  tile(one) {
    const box = h("input", { type: "checkbox", "aria-label": `Choose ${one.name}`, onchange: () => this.mark(one, box) });
    const picture = one.face === null
      ? h("span", { class: "no-face" })
      : h("img", { src: `/api/v1/faces/crops/${one.face}`, alt: "", loading: "lazy", width: 112, height: 112 });
    const words = [picture, h("span", { class: "what" }, one.what), h("span", { class: "how" }, one.how)];
    const tile = one.href
      ? h("a", { class: "tile", href: one.href }, words)
      : h("div", { class: "tile", onclick: () => box.click() }, words);
    return h("li", { dataset: { id: one.id } }, tile, h("label", { class: "choose" }, box));
  }

  mark(one, box) {
    if (box.checked) this.chosen.set(one.id, one);
    else this.chosen.delete(one.id);
    box.closest("li").querySelector(".tile").classList.toggle("chosen", box.checked);
    this.changed();
  }

  clear() {
    if (!this.chosen.size) return false;
    for (const box of this.list.querySelectorAll("input:checked")) box.click();
    return true;
  }

  toggle() {
    if (!this.at) return false;
    this.at.querySelector("input").click();
    return true;
  }

  columns() {
    const all = [...this.list.children];
    const wide = all.findIndex((one) => one.offsetTop !== all[0].offsetTop);
    return wide < 0 ? all.length : wide;
  }

  go(by) {
    const all = [...this.list.children];
    if (!all.length) return false;
    const from = this.at && this.list.contains(document.activeElement) ? all.indexOf(this.at) + by : 0;
    const next = all[Math.min(Math.max(from, 0), all.length - 1)];
    (next.querySelector("a") ?? next.querySelector("input")).focus();
    return true;
  }
}
