/* Selecting and acting: clicks on tiles, keys on the grid, and the bar of what can be done. */
import { h, keys, number, say } from "./eye.js";
import { Choice } from "./gallery-choice.js";
import { correct, wanted } from "./gallery-label.js";
import { filters, searched } from "./gallery-state.js";

const $ = (id) => document.getElementById(id);

/* One's own word counts as seen: pictures labelled here are known as of a later version than the list. */
function bySeen(pictures, version) {
  const found = new Map();
  for (const one of pictures) found.set(one.seen ?? version, [...(found.get(one.seen ?? version) ?? []), one.id]);
  return [...found].map(([seen, ids]) => ({ ids, version: seen }));
}

/* The list stays as it was asked for, so that what is worked on does not run away; only the words on the tiles change. */
function relabelled(pictures, label, done) {
  const kept = new Map(done.kept_pictures.map((one) => [one.id, one]));
  for (const one of pictures) {
    const now = kept.get(one.id) ?? { label: label || null, label_by: null };
    Object.assign(one, { label: now.label, label_by: now.label_by, category: now.label ?? one.said, seen: done.version });
  }
}

export class Actions {
  /* page: { about, grid, search, address, pages(), picture(index), href(index), redraw(), reopen() }. */
  constructor(page) {
    this.page = page;
    this.choice = new Choice(() => this.changed());
    const { grid } = page.grid;
    grid.addEventListener("click", (event) => this.clicked(event));
    grid.addEventListener("dblclick", (event) => event.preventDefault());
    grid.addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); }); // or text is marked
    grid.addEventListener("keydown", (event) => {
      if (event.key === " " && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        if (event.shiftKey) this.extend(page.grid.active);
        else this.toggle(page.grid.active);
      }
    });
    this.keys();
  }

  forget() {
    if (this.choice.any) this.choice.clear();
    else this.choice.forget();
  }

  mark(cell, picture) {
    cell.setAttribute("aria-selected", String(this.choice.has(picture)));
  }

  /* The corner selects, the picture opens; once something is selected, the whole tile selects. */
  clicked(event) {
    const cell = event.target.closest(".cell");
    const picture = cell ? this.page.picture(Number(cell.dataset.index)) : null;
    if (!picture) return;
    const index = Number(cell.dataset.index);
    this.page.grid.tabStop(index);
    if (event.target.closest(".alike")) this.page.search.like(picture.id);
    else if (event.shiftKey) {
      event.preventDefault();
      this.extend(index);
    } else if (event.target.closest(".pick") || event.ctrlKey || event.metaKey || this.choice.any) {
      event.preventDefault();
      this.toggle(index);
    } else if (event.target.closest(".open")) {
      this.page.address.note(index, true); // "back" comes back to this picture
    } else {
      cell.focus({ preventScroll: true });
      return;
    }
    if (!event.target.closest(".open") || event.defaultPrevented) cell.focus({ preventScroll: true });
  }

  toggle(index) {
    const picture = this.page.picture(index);
    if (picture) this.choice.toggle(index, picture);
  }

  async extend(index) {
    try {
      await this.choice.extend(index, this.page.pages());
    } catch (error) {
      say(error.message, { kind: error instanceof RangeError ? "doubt" : "wrong" });
    }
  }

  changed() {
    for (const cell of this.page.grid.cells()) {
      const picture = this.page.picture(Number(cell.dataset.index));
      if (picture) this.mark(cell, picture);
    }
    this.page.grid.grid.classList.toggle("choosing", this.choice.any);
    this.bar();
  }

  get count() {
    return this.choice.all ? this.page.pages().total : this.choice.picked.size;
  }

  bar() {
    const { choice, page } = this;
    const bar = $("chosen");
    const held = bar.contains(document.activeElement);
    bar.hidden = !choice.any;
    if (bar.hidden) {
      if (held) page.grid.focus(page.grid.active);
      return;
    }
    const one = !choice.all && choice.picked.size === 1 ? [...choice.picked.values()][0] : null;
    const button = (text, key, onclick, kind = "") => h("button", { type: "button", class: kind, onclick, title: `${text} (${key})`, "aria-keyshortcuts": key }, text);
    const { total } = page.pages();
    bar.replaceChildren(...[
      h("span", { class: "counted", role: "status" }, `${number(this.count)} selected`),
      button("Label", "l", () => this.label(), "primary"),
      one ? button("Open", "Enter", () => this.open(one)) : null,
      one && page.about.embedded ? button("More like this", "m", () => page.search.like(one.id)) : null,
      this.count < total ? button(`All ${number(total)}`, "Control+a", () => this.everything(), "quiet") : null,
      button("Clear", "Escape", () => choice.clear(), "quiet"),
    ].filter(Boolean));
  }

  open(picture) {
    const index = this.page.picture(this.page.grid.active)?.id === picture.id ? this.page.grid.active : null;
    if (index !== null) this.page.address.note(index, true);
    location.assign(index === null ? `${location.pathname}/p/${picture.id}${location.search}` : this.page.href(index));
  }

  /* A search has few results, all of them by name; a list may be of millions, and is named by its filter. */
  async everything() {
    const pages = this.page.pages();
    this.choice.everything();
    if (!searched(this.page.address.state)) return;
    const found = await pages.range(0, pages.total);
    if (!this.choice.all) return;
    this.choice.forget();
    this.choice.picked = new Map(found.map((picture) => [picture.id, picture]));
    this.choice.fixed = this.choice.picked;
    this.changed();
  }

  async label() {
    const { choice, page } = this;
    if (!choice.any) this.toggle(page.grid.active);
    if (!choice.any) return;
    const { corpus } = page.about;
    const label = await wanted(corpus, this.count);
    if (label === null || !choice.any) return;
    const { version } = page.pages();
    const pictures = new Map(choice.picked);
    const which = choice.all ? [{ filter: filters(page.address.state), version }] : bySeen([...pictures.values()], version);
    const told = (done, { ids }) => {
      if (ids) relabelled(ids.map((id) => pictures.get(id)), label, done);
      else page.reopen();
      page.redraw();
    };
    try {
      await correct(corpus, which, label, told, page.reopen);
      choice.clear();
    } catch {
      // why has been told in a message; what was selected stays
    }
  }

  keys() {
    const { page } = this;
    const inside = (handler) => (event) => (page.grid.grid.contains(document.activeElement) ? handler(event) : false);
    const step = (by) => inside(() => page.grid.focus(page.grid.active + by()));
    const reach = (by) => inside(() => {
      if (this.choice.anchor === null) this.choice.anchor = page.grid.active;
      page.grid.focus(page.grid.active + by());
      this.extend(page.grid.active);
    });
    const columns = () => page.grid.columns;
    keys("Gallery", {
      ArrowRight: ["next picture", step(() => 1)],
      ArrowLeft: ["picture before", step(() => -1)],
      ArrowDown: ["row below", step(columns)],
      ArrowUp: ["row above", step(() => -Math.min(columns(), page.grid.active))],
      PageDown: ["a window on", step(() => page.grid.page)],
      PageUp: ["a window back", step(() => -page.grid.page)],
      Home: ["begin of the row", step(() => -(page.grid.active % columns()))],
      End: ["end of the row", step(() => columns() - 1 - (page.grid.active % columns()))],
      "Mod+Home": ["first picture", inside(() => page.grid.focus(0))],
      "Mod+End": ["last picture", inside(() => page.grid.focus(page.grid.total - 1))],
      Enter: ["open the picture", inside((event) => {
        if (!event.target.matches(".cell")) return false;
        const picture = page.picture(page.grid.active);
        if (picture) this.open(picture);
        return true;
      })],
      " ": ["select it, or not", inside(() => this.toggle(page.grid.active))],
      x: ["select it, or not", inside(() => this.toggle(page.grid.active))],
      "Shift+ArrowRight": ["select to the next", reach(() => 1)],
      "Shift+ArrowLeft": ["select to the one before", reach(() => -1)],
      "Shift+ArrowDown": ["select to the row below", reach(columns)],
      "Shift+ArrowUp": ["select to the row above", reach(() => -Math.min(columns(), page.grid.active))],
      "Mod+a": ["select all that fit", () => (document.activeElement === document.body || page.grid.grid.contains(document.activeElement) || document.activeElement === $("main") ? this.everything() : false)],
      Escape: ["select none", () => (this.choice.any ? this.choice.clear() : false)],
      l: ["label what is selected", () => { this.label(); }],
      m: ["more like this one", inside(() => {
        const picture = page.picture(page.grid.active);
        if (picture && page.about.embedded) page.search.like(picture.id);
      })],
      f: ["filters", () => $("filters-switch").click()],
    });
  }
}
