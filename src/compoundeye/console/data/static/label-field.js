/* A field for a label that offers the known ones while one types: WAI-ARIA's combobox with a list. */
import { api, h, later, number } from "./eye.js";

const SHOWN = 8;

export class LabelField {
  /* input: <input role="combobox" aria-controls="...">; list: the <ul role="listbox">; chosen(label). */
  constructor(input, list, corpus, chosen) {
    Object.assign(this, { input, list, chosen, known: [], at: -1 });
    this.path = `corpora/${encodeURIComponent(corpus)}/labels`;
    const ask = later(() => this.ask(), 90);
    input.addEventListener("input", () => {
      this.narrow();
      ask();
    });
    input.addEventListener("focus", () => this.ask());
    input.addEventListener("blur", () => this.close());
    input.addEventListener("keydown", (event) => this.key(event));
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = event.target.closest("[role=option]");
      if (option) this.choose(option.dataset.label);
    });
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  async ask() {
    const text = this.input.value.trim();
    const asked = (this.asked?.abort(), this.asked = new AbortController());
    const known = await api(this.path, { params: { text, limit: SHOWN }, signal: asked.signal, quiet: true }).catch(() => null);
    if (known === null || asked.signal.aborted || document.activeElement !== this.input) return;
    this.known = known;
    const marked = this.list.hidden ? null : this.list.children[this.at]?.dataset.label;
    const rows = known.map((one) => ({ label: one.name, note: one.people ? `${number(one.people)} by hand` : one.model ? `${number(one.model)} by the model` : "" }));
    if (text && !known.some((one) => one.name.toLowerCase() === text.toLowerCase())) rows.push({ label: text, note: "a new label" });
    this.list.replaceChildren(...rows.map(({ label, note }, place) => h("li", {
      role: "option", id: `${this.list.id}-${place}`, "aria-selected": "false", dataset: { label },
    }, h("span", { class: "clip" }, label), h("span", { class: "hint" }, note))));
    this.list.hidden = !rows.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.point(rows.findIndex(({ label }) => label === marked));
  }

  /* Whoever types fast and presses an arrow at once must not choose from the list of what stood here before. */
  narrow() {
    const text = this.input.value.trim().toLowerCase();
    for (const option of [...this.list.children]) if (!option.dataset.label.toLowerCase().includes(text)) option.remove();
    this.list.hidden ||= !this.list.children.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.point(-1);
  }

  point(at) {
    this.at = at;
    [...this.list.children].forEach((one, place) => one.setAttribute("aria-selected", String(place === at)));
    if (at < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", this.list.children[at].id);
  }

  close() {
    this.asked?.abort();
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  mark(step) {
    const options = [...this.list.children];
    if (this.list.hidden || !options.length) return;
    this.point(this.at < 0 ? (step > 0 ? 0 : options.length - 1) : (this.at + step + options.length) % options.length);
    options[this.at].scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.mark(step);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const marked = this.list.hidden ? null : this.list.children[this.at];
      this.choose(marked ? marked.dataset.label : this.spelled(this.input.value.trim()));
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (this.list.hidden) this.input.blur();
      else this.close();
    }
  }

  /* As it is known, where it is: "Tabby" is no other label than "tabby". */
  spelled(text) {
    return this.known.find((one) => one.name.toLowerCase() === text.toLowerCase())?.name ?? text;
  }

  choose(label) {
    if (!label) return;
    this.input.value = "";
    this.input.blur();
    this.chosen(label);
  }
}
