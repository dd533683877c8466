/*
The form of the chosen line or zone. What it asks comes from the application's own settings; what a field leaves empty
is as by default, and is not written. A problem is told at the field that it is about.
*/
import { h } from "./eye.js";
import { named } from "./live-words.js";

const FIRST = { lines: ["flip", "in_name", "out_name"], zones: [] };
let made = 0;

export function prepare(host, state, does) {
  let shown = "";
  let own = false; // a field says itself what it holds: made anew, it would swallow the click that left it

  const set = (path, value, anew = false) => {
    own = !anew;
    put(path, value);
    own = false;
  };

  const put = (path, value) => does.change(() => {
    const { kind, at } = state.chosen;
    const one = JSON.parse(JSON.stringify(state[kind][at]));
    let place = one.values;
    for (const name of path.slice(0, -1)) place = place[name] ??= {};
    if (value === undefined) delete place[path.at(-1)];
    else place[path.at(-1)] = value;
    state[kind][at] = one;
  });

  const valueAt = (path) => path.reduce((place, name) => place?.[name], does.find(state.chosen)?.values);

  /* Other lines that lead into or out of a zone are told by their names: they follow a new one. */
  const rename = (name) => {
    own = true;
    renamed(name);
    own = false;
  };

  const renamed = (name) => does.change(() => {
    const { kind, at } = state.chosen;
    const old = state[kind][at].name;
    state[kind][at] = { ...state[kind][at], name };
    if (kind !== "lines") return;
    state.zones = state.zones.map((zone) => ({ ...zone, values: Object.fromEntries(Object.entries(zone.values).map(([key, value]) => [key, (key === "entrances" || key === "exits") && Array.isArray(value) ? value.map((one) => (one === old ? name : one)) : value])) }));
  });

  function problemOf(path) {
    const { kind } = state.chosen;
    const { name } = does.find(state.chosen);
    const whole = [kind, name, ...path];
    return state.problems.find((one) => whole.every((part, at) => one.place[at] === part) && (path.length > 0 || one.place.length === 2))?.text ?? null;
  }

  function field(one, path) {
    made += 1;
    const id = `setting-${made}`;
    const wrong = problemOf([...path]);
    const told = [one.description ? h("p", { class: "hint", id: `${id}-hint` }, sentence(one.description)) : null, wrong ? h("p", { class: "problem", id: `${id}-wrong` }, wrong) : null];
    const about = { id, "aria-describedby": [one.description ? `${id}-hint` : "", wrong ? `${id}-wrong` : ""].filter(Boolean).join(" ") || null, "aria-invalid": wrong ? "true" : null, dataset: { field: path.join(".") } };
    if (one.kind === "rule") return rule(one, path, about, told);
    const value = valueAt(path);
    const usual = one.default === null || one.default === undefined ? "" : Array.isArray(one.default) ? one.default.join(", ") : String(one.default);
    const label = (control) => h("div", { class: "field" }, h("label", { for: id }, labelled(one.name)), control, told);
    switch (one.kind) {
      case "flag": {
        const box = h("input", { ...about, type: "checkbox", onchange: () => set(path, box.checked === Boolean(one.default) ? undefined : box.checked) });
        box.checked = value ?? Boolean(one.default);
        return h("div", { class: "field" }, h("label", { class: "check" }, box, labelled(one.name)), told);
      }
      case "choice": {
        const select = h("select", { ...about, onchange: () => set(path, select.value || undefined) }, h("option", { value: "" }, usual ? `${usual} (as usual)` : "as usual"), one.choices.map((each) => h("option", { value: each, selected: each === value }, each)));
        return label(select);
      }
      case "number": {
        const input = h("input", { ...about, type: "number", step: "any", min: one.low, max: one.high, placeholder: usual, value, onchange: () => set(path, input.value === "" ? undefined : Number(input.value)) });
        return label(input);
      }
      case "list": {
        const input = h("input", { ...about, type: "text", placeholder: usual || "all", value: Array.isArray(value) ? value.join(", ") : "", autocomplete: "off", onchange: () => {
          const parts = input.value.split(",").map((each) => each.trim()).filter(Boolean);
          set(path, parts.length ? parts : undefined);
        } });
        return label(input);
      }
      case "arrow":
      case "point": {
        const text = Array.isArray(value) ? `${JSON.stringify(value)}` : "not drawn";
        const button = h("button", { ...about, type: "button", onclick: () => does.arrow(one.kind, (points) => set(path, one.kind === "arrow" ? points : points[0], true)) }, one.kind === "arrow" ? "Draw the arrow" : "Put the point");
        return h("div", { class: "field" }, h("span", { class: "row" }, button, h("span", { class: "faint small" }, text)), told);
      }
      default: {
        const input = h("input", { ...about, type: "text", placeholder: usual, value: value ?? "", autocomplete: "off", onchange: () => set(path, input.value.trim() || undefined) });
        return label(input);
      }
    }
  }

  function rule(one, path, about, told) {
    const on = valueAt(path) !== undefined;
    const box = h("input", { ...about, type: "checkbox", onchange: () => set(path, box.checked ? {} : undefined, true) });
    box.checked = on;
    return h("div", { class: on ? "stack rule" : "stack" }, h("div", { class: "field" }, h("label", { class: "check" }, box, labelled(one.name)), told), on ? one.fields.map((each) => field(each, [...path, each.name])) : null);
  }

  function show() {
    const one = state.chosen ? does.find(state.chosen) : null;
    const text = one ? JSON.stringify([state.chosen, one, state.problems]) : "";
    if (text === shown) return;
    shown = text;
    if (own) return;
    const focused = host.contains(document.activeElement) ? document.activeElement.dataset.field : null;
    const open = host.querySelector("details")?.open ?? false;
    if (!one) {
      host.replaceChildren();
      return;
    }
    const { kind } = state.chosen;
    const all = state.settings[kind] ?? [];
    const rules = all.filter((each) => each.kind === "rule");
    const first = all.filter((each) => FIRST[kind].includes(each.name));
    const rest = all.filter((each) => !rules.includes(each) && !first.includes(each));
    const shared = one.shared ? h("p", { class: "hint" }, "It holds for all streams of this site.") : null;
    const unknown = problemOf([]) ?? problemOf(["points"]);
    host.replaceChildren(...[
      h("div", { class: "spread" }, h("h3", {}, kind === "lines" ? "Line" : "Zone"), h("button", { type: "button", class: "danger", onclick: () => does.remove(state.chosen) }, "Delete")),
      shared, unknown ? h("p", { class: "problem" }, unknown) : null, nameField(one),
      ...first.map((each) => field(each, [each.name])), ...rules.map((each) => field(each, [each.name])),
      rest.length ? h("details", { open }, h("summary", {}, "More"), h("div", { class: "stack" }, rest.map((each) => field(each, [each.name])))) : null,
    ].filter(Boolean));
    if (rest.some((each) => problemOf([each.name]))) host.querySelector("details").open = true;
    if (focused) [...host.querySelectorAll("[data-field]")].find((each) => each.dataset.field === focused)?.focus();
  }

  function nameField(one) {
    made += 1;
    const id = `setting-${made}`;
    const wrong = problemOf(["name"]);
    const input = h("input", { id, type: "text", value: one.name, maxlength: 60, required: true, autocomplete: "off", dataset: { field: "name" }, "aria-invalid": wrong ? "true" : null, "aria-describedby": wrong ? `${id}-wrong` : null, onchange: () => { if (input.value.trim()) rename(input.value.trim()); else input.value = one.name; } });
    return h("div", { class: "field" }, h("label", { for: id }, "Name"), input, wrong ? h("p", { class: "problem", id: `${id}-wrong` }, wrong) : null);
  }

  return { show };
}

/* after_s as "After (s)" */
const labelled = (name) => named(name).replace(/ (s|kmh|deg|m2)$/, (_, unit) => ` (${{ s: "s", kmh: "km/h", deg: "°", m2: "m²" }[unit]})`);

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
