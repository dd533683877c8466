/* What is looked at, as the address bar has it: the API's own words, and three of the page's. */

export const FILTERS = ["text", "category", "state", "min_confidence", "max_confidence", "since", "until", "min_size", "corrected", "duplicate", "where"];
const ORDER = ["like", "meaning", "sort", "descending"];
const LISTS = ["category", "state"];
const OWN = ["column", "size", "at"]; // column of the histogram, size of tiles, the first picture in sight
const NAMES = [...FILTERS, "name", ...ORDER, ...OWN];

/* { text: "red", category: ["cat", "dog"] }: what is not asked for has no key. */
export function read(search) {
  const given = new URLSearchParams(search);
  const state = {};
  for (const name of NAMES) {
    const values = given.getAll(name).filter((one) => one !== "");
    if (values.length) state[name] = LISTS.includes(name) ? values : values[0];
  }
  return state;
}

/* more: what is added for another page. */
export function write(state, more = {}) {
  const made = new URLSearchParams();
  for (const name of NAMES) {
    for (const one of [state[name] ?? []].flat()) if (one !== "") made.append(name, one);
  }
  for (const [name, value] of Object.entries(more)) made.append(name, value);
  const text = made.toString();
  return text ? `?${text}` : "";
}

function some(state, names) {
  return Object.fromEntries(names.filter((name) => name in state).map((name) => [name, state[name]]));
}

/* What narrows; without some of it where a panel counts what else there would be. */
export const filters = (state, without = []) => some(state, [...FILTERS, "name"].filter((name) => !without.includes(name)));
export const listing = (state) => some(state, [...FILTERS, "name", ...ORDER]);
export const searched = (state) => Boolean(state.like || state.meaning);
export const same = (one, other) => write(one) === write(other);

export class Address {
  /* changed(state, before): after a step of the page, or back and forward. */
  constructor(changed) {
    this.state = read(location.search);
    this.changed = changed;
    this.later = null;
    addEventListener("popstate", () => this.turn(read(location.search)));
  }

  /* A step that "back" takes back. Another list begins at its start. */
  go(changes) {
    const next = { ...this.state, ...changes };
    for (const [name, value] of Object.entries(next)) if (value === undefined || value === "" || value.length === 0) delete next[name];
    if (same(next, this.state)) return;
    if (!same(listing(next), listing(this.state))) delete next.at;
    history.pushState(null, "", location.pathname + write(next));
    this.turn(next);
  }

  turn(next) {
    clearTimeout(this.later);
    const before = this.state;
    this.state = next;
    this.changed(next, before);
  }

  /* Where the reader is: kept in the address, but no step. Browsers allow a few such changes a second. */
  note(at, soon = false) {
    clearTimeout(this.later);
    const keep = () => {
      this.state = { ...this.state };
      if (at) this.state.at = String(at);
      else delete this.state.at;
      history.replaceState(null, "", location.pathname + write(this.state));
    };
    if (soon) keep();
    else this.later = setTimeout(keep, 250);
  }
}
