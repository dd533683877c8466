/* How a column is spread, as bars that narrow the list: click one, or draw over several. */
import { api, h, number, query } from "./eye.js";
import { filters } from "./gallery-state.js";

const BARS = 30;
const NAMES = 12;
const $ = (id) => document.getElementById(id);

export class Histogram {
  constructor(corpus, columns, go) {
    Object.assign(this, { corpus, columns, go, known: "", control: null, shown: null });
    const group = (label, list) => h("optgroup", { label }, list.map((one) => h("option", { value: one.name }, one.name.replaceAll("_", " "))));
    $("column").append(group("Stored", columns.filter((one) => !one.derived)), group("Derived", columns.filter((one) => one.derived)));
    $("column").addEventListener("change", () => go({ column: $("column").value }));
    this.first = ["category_confidence", "taken_at", "bytes"].find((name) => columns.some((one) => one.name === name)) ?? columns[0]?.name;
    this.draws();
  }

  column(state) {
    return this.columns.some((one) => one.name === state.column) ? state.column : this.first;
  }

  /* Asked for only where it is in sight, and again only when something has changed. */
  async show(state, version) {
    const column = this.column(state);
    if (!column) return;
    $("column").value = column;
    const params = { ...filters(state), column, bins: this.columns.find((one) => one.name === column).kind === "text" ? NAMES : BARS, version };
    if (query(params) === this.known) return;
    this.known = query(params);
    this.control?.abort();
    this.control = new AbortController();
    $("bars").classList.add("stale");
    try {
      this.draw(await api(`corpora/${encodeURIComponent(this.corpus)}/histogram`, { params, signal: this.control.signal, quiet: true }));
    } catch (error) {
      if (error.name === "AbortError") return;
      this.known = "";
      $("bars").replaceChildren();
      $("bars-hint").textContent = error.message;
    }
  }

  draw(found) {
    this.shown = found;
    const text = found.kind === "text";
    const most = Math.max(1, ...found.bars.map((one) => one.count));
    const bars = found.bars.map((one, place) => {
      const fill = h("span", { class: "fill-of" });
      fill.style.setProperty(text ? "width" : "height", `${one.count ? Math.max(1.5, (100 * one.count) / most) : 0}%`);
      const name = words(found, place);
      const inside = text ? [h("span", { class: "clip" }, name), h("span", { class: "num" }, number(one.count)), h("span", { class: "track" }, fill)] : [fill];
      return h("button", { type: "button", class: "bar-of", tabindex: place ? -1 : 0, dataset: { place }, title: `${name}: ${number(one.count)}`, "aria-label": `${name}: ${number(one.count)} pictures` }, inside);
    });
    $("bars").className = text ? "bars named" : "bars";
    $("bars").setAttribute("role", "group");
    $("bars").setAttribute("aria-label", `${found.column.replaceAll("_", " ")} of ${number(found.total)} pictures`);
    const ends = text || !found.bars.length ? null : h("div", { class: "ends" }, h("span", {}, edge(found, found.bars[0].low)), h("span", {}, edge(found, found.bars.at(-1).high)));
    $("bars").replaceChildren(h("div", { class: "row-of" }, bars), ...(ends ? [ends] : []));
    const parts = [];
    if (!found.bars.length) parts.push("No values.");
    if (found.others) parts.push(`${number(found.others)} with other values.`);
    if (found.missing) parts.push(`${number(found.missing)} without one.`);
    $("bars-hint").textContent = parts.join(" ");
  }

  /* By arrow keys from bar to bar; by mouse from the first of a range to its last. */
  draws() {
    let from = null;
    const place = (event) => {
      const bar = document.elementFromPoint(event.clientX, event.clientY)?.closest(".bar-of");
      return bar && $("bars").contains(bar) ? Number(bar.dataset.place) : null;
    };
    const paint = (first, last) => {
      for (const bar of $("bars").querySelectorAll(".bar-of")) {
        const at = Number(bar.dataset.place);
        bar.classList.toggle("drawn", first !== null && at >= Math.min(first, last) && at <= Math.max(first, last));
      }
    };
    $("bars").addEventListener("pointerdown", (event) => { from = event.button === 0 ? place(event) : null; });
    addEventListener("pointermove", (event) => { if (from !== null) paint(from, place(event) ?? from); });
    addEventListener("pointerup", (event) => {
      const to = from === null ? null : place(event);
      const [first, last] = [Math.min(from, to), Math.max(from, to)];
      from = null;
      paint(null);
      if (to !== null && last > first && this.shown.kind !== "text") this.narrow(first, last);
    });
    $("bars").addEventListener("click", (event) => {
      const bar = event.target.closest(".bar-of");
      if (bar) this.narrow(Number(bar.dataset.place), Number(bar.dataset.place));
    });
    $("bars").addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const bars = [...$("bars").querySelectorAll(".bar-of")];
      const next = bars[bars.indexOf(event.target) + (step ?? 0)];
      if (!step || !next) return;
      event.preventDefault();
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }

  narrow(first, last) {
    const { column, kind, bars } = this.shown;
    const [low, high] = [bars[first].low, bars[last].high];
    const closed = last === bars.length - 1;
    if (column === "category") this.go({ category: [low] });
    else if (column.endsWith("_state")) this.go({ state: [low] });
    else if (column.endsWith("_confidence") && !column.includes("best")) this.go({ min_confidence: String(low), max_confidence: String(high) });
    else if (column === "taken_at") this.go({ since: moment(low), until: moment(high, closed ? 0 : 1) });
    else if (column === "duplicates") this.go({ duplicate: "true" });
    else if (column === "ingested") this.go({ at: String(Math.floor(low)), sort: undefined, descending: undefined });
    else this.go({ where: condition(column, kind, low, high, closed) });
  }
}

function condition(column, kind, low, high, closed) {
  const name = column === "pixels" ? "CAST(width AS BIGINT) * height" : /^[a-z_][a-z0-9_]*$/.test(column) ? column : `\`${column}\``;
  if (kind === "flag") return low ? name : `NOT ${name}`;
  if (kind === "text") return `${name} = '${String(low).replaceAll("'", "''")}'`;
  const literal = (value) => (kind === "time" ? `timestamp '${value}'` : value);
  return `${name} >= ${literal(low)} AND ${name} ${closed ? "<=" : "<"} ${literal(high)}`;
}

/* As short as it can be said; `before` that many seconds, since an "until" is included. */
function moment(iso, before = 0) {
  const at = new Date(`${iso.replace(/Z$/, "")}Z`);
  const whole = /T00:00:00/.test(iso);
  if (before) at.setTime(at.getTime() - (whole ? 86_400_000 : 1_000));
  return at.toISOString().slice(0, whole ? 10 : 19);
}

function edge(found, value) {
  if (found.kind === "time") return String(value).replace("T00:00:00", "").replace("T", " ").replace(/Z$/, "").replace(/-01-01$/, "");
  return typeof value === "number" ? number(value) : String(value);
}

function words(found, place) {
  const { low, high } = found.bars[place];
  if (found.kind === "text") return String(low);
  if (found.kind === "flag") return low ? "yes" : "no";
  return `${edge(found, low)} to ${edge(found, high)}`;
}
