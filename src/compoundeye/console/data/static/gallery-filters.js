/* The panel of filters, and the chips that say what is asked for. Both only show the address, and change it. */
import { api, h, later, number, percent, query } from "./eye.js";
import { FILTERS, filters } from "./gallery-state.js";

const $ = (id) => document.getElementById(id);
const SHARES = ["min_confidence", "max_confidence"];
const MANY = 200; // categories in the list; others are found by typing
const STATE_NAMES = { done: "Categorised", abstained: "Abstained", failed: "Failed", new: "Not looked at" };

export class Filters {
  constructor(corpus, states, search, go) {
    Object.assign(this, { corpus, states, search, go, state: {}, categories: [], counts: {}, known: "", control: null });
    $("filter-form").addEventListener("submit", (event) => event.preventDefault());
    $("filter-form").addEventListener("change", (event) => this.changed(event.target));
    $("filter-form").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("textarea") && !event.shiftKey) event.target.blur();
    });
    $("f-category").addEventListener("input", later(() => this.drawCategories(), 80));
  }

  changed(control) {
    if (control.matches("[data-quiet]")) return;
    if (control.name === "category" || control.name === "state") {
      const chosen = new Set(this.state[control.name] ?? []);
      if (control.checked) chosen.add(control.value);
      else chosen.delete(control.value);
      this.go({ [control.name]: [...chosen] });
      return;
    }
    if (!control.checkValidity()) {
      control.reportValidity();
      return;
    }
    const value = control.value.trim();
    this.go({ [control.name]: SHARES.includes(control.name) && value ? String(Number((value / 100).toPrecision(12))) : value });
  }

  show(state) {
    this.state = state;
    for (const control of $("filter-form").elements) {
      if (!control.name || control.type === "checkbox") continue;
      const value = state[control.name] ?? (control.name === "name" ? "category" : "");
      control.value = SHARES.includes(control.name) && value ? Number((100 * value).toPrecision(6)) : value;
    }
    const count = FILTERS.filter((name) => name in state && name !== "text").length;
    $("filters-count").hidden = count === 0;
    $("filters-count").textContent = count;
    this.drawCategories();
    this.drawStates();
    this.chips();
  }

  /* How many there are of each category and state: of one, whatever is chosen of itself. */
  async count(state) {
    const asked = [filters(state, ["category"]), filters(state, ["state"])];
    const key = asked.map(query).join("|");
    if (key === this.known) return;
    this.known = key;
    this.control?.abort();
    this.control = new AbortController();
    const get = (params) => api(`corpora/${encodeURIComponent(this.corpus)}`, { params, signal: this.control.signal, quiet: true });
    try {
      const first = get(asked[0]);
      const [one, other] = await Promise.all([first, query(asked[0]) === query(asked[1]) ? first : get(asked[1])]);
      this.categories = one.categories;
      $("known").replaceChildren(...one.categories.slice(0, MANY).map(({ name }) => h("option", { value: name })));
      this.counts = Object.fromEntries(other.states.map(({ name, count }) => [name, count]));
      this.drawCategories();
      this.drawStates();
    } catch (error) {
      if (error.name !== "AbortError") this.known = ""; // the list itself says what is wrong
    }
  }

  drawCategories() {
    const chosen = this.state.category ?? [];
    const typed = $("f-category").value.trim().toLowerCase();
    const fits = this.categories.filter((one) => one.name.toLowerCase().includes(typed) && !chosen.includes(one.name)).slice(0, MANY);
    const count = (name) => this.categories.find((one) => one.name === name)?.count;
    const rows = [...chosen.map((name) => ({ name, count: count(name) ?? null })), ...fits];
    keeping($("categories"), rows.map((one) => box("category", one.name, one.name, one.count, chosen.includes(one.name))));
    if (!rows.length) $("categories").append(h("p", { class: "hint" }, typed ? "None is named so." : "No categories yet."));
  }

  drawStates() {
    const chosen = this.state.state ?? [];
    keeping($("states"), this.states.map((name) => box("state", name, STATE_NAMES[name], this.counts[name] ?? null, chosen.includes(name))));
  }

  /* What is asked for, each to be taken away. */
  chips() {
    const { state } = this;
    const list = [];
    const chip = (text, without, picture = null) => list.push(h("li", {}, h("button", { type: "button", class: "chip", "aria-label": `${text}: take away`, onclick: () => this.go(without) }, picture, h("span", { class: "clip" }, text), h("span", { "aria-hidden": "true" }, "×"))));
    const both = (low, high, text) => { if (state[low] || state[high]) chip(text, { [low]: undefined, [high]: undefined }); };
    if (state.like) chip(state.like.includes(":") ? "like the picture you sent" : "like this picture", { like: undefined }, this.search.preview(state.like));
    if (state.meaning) chip(`shows ${state.meaning}`, { meaning: undefined });
    if (state.text) chip(`with "${state.text}"`, { text: undefined });
    for (const one of state.category ?? []) chip(one, { category: state.category.filter((other) => other !== one) });
    for (const one of state.state ?? []) chip((STATE_NAMES[one] ?? one).toLowerCase(), { state: state.state.filter((other) => other !== one) });
    both(...SHARES, between(state.min_confidence, state.max_confidence, (value) => percent(Number(value), 0), "sure"));
    both("since", "until", between(state.since, state.until, String, "taken"));
    if (state.min_size) chip(`${state.min_size} pixels or more`, { min_size: undefined });
    if (state.corrected) chip(state.corrected === "true" ? "labelled by a person" : "not labelled by a person", { corrected: undefined });
    if (state.duplicate) chip(state.duplicate === "true" ? "near-duplicates" : "no near-duplicates", { duplicate: undefined });
    if (state.where) chip(state.where, { where: undefined });
    if (list.length > 1) list.push(h("li", {}, h("button", { type: "button", class: "quiet", onclick: () => this.go(nothing()) }, "Clear all")));
    keeping($("chips"), list);
  }
}

export const nothing = () => Object.fromEntries([...FILTERS, "like", "meaning"].map((name) => [name, undefined]));

function between(low, high, told, what) {
  if (low && high) return `${what} ${told(low)} to ${told(high)}`;
  return low ? `${what} from ${told(low)}` : `${what} up to ${told(high)}`;
}

function box(name, value, text, count, checked) {
  const input = h("input", { type: "checkbox", name, value });
  input.checked = checked;
  return h("label", { class: "check" }, input, h("span", { class: "clip", title: text }, text), h("span", { class: "num faint" }, count === null ? "" : number(count)));
}

/* New children; the focus stays where it was, or on a neighbour of what is gone. */
function keeping(place, children) {
  const held = place.contains(document.activeElement) ? document.activeElement : null;
  const all = (root) => [...root.querySelectorAll("input, button")];
  const at = held ? all(place).indexOf(held) : -1;
  place.replaceChildren(...children);
  if (!held) return;
  const same = held.value ? all(place).find((one) => one.value === held.value && one.name === held.name) : null;
  (same ?? all(place)[Math.min(at, all(place).length - 1)])?.focus({ preventScroll: true });
}
