/* Saying what pictures show: a dialog with the labels that are known, and undo. */
import { api, h, number, say } from "./eye.js";

const SHOWN = 8;
const path = (corpus, rest) => `corpora/${encodeURIComponent(corpus)}/${rest}`;

/* Asks; gives the label, "" for none, or null where nothing is to be done. */
export function wanted(corpus, count, known) {
  const input = h("input", { type: "text", id: "label-input", autocomplete: "off", spellcheck: false, maxlength: 1000, role: "combobox", "aria-expanded": true, "aria-controls": "label-list", "aria-autocomplete": "list" });
  const list = h("ul", { id: "label-list", class: "plain options", role: "listbox", "aria-label": "Known labels" });
  const dialog = h("dialog", { "aria-labelledby": "label-title", class: "label-dialog" },
    h("form", { class: "stack" },
      h("h2", { id: "label-title" }, `Label ${number(count)} ${count === 1 ? "picture" : "pictures"}`),
      h("div", { class: "field" }, h("label", { for: "label-input" }, "What they show"), input),
      list,
      h("div", { class: "dialog-foot" },
        h("button", { type: "button", class: "remove" }, "Remove labels"),
        h("button", { type: "button", class: "cancel" }, "Cancel"),
        h("button", { class: "primary" }, "Label"))));
  let at = -1;
  const draw = () => {
    const typed = input.value.trim().toLowerCase();
    const fits = known.filter((one) => one.toLowerCase().includes(typed));
    fits.sort((one, other) => Number(other.toLowerCase().startsWith(typed)) - Number(one.toLowerCase().startsWith(typed)));
    at = -1;
    input.removeAttribute("aria-activedescendant");
    list.replaceChildren(...fits.slice(0, SHOWN).map((one, place) => h("li", { role: "option", id: `label-${place}`, "aria-selected": "false" }, one)));
  };
  const mark = (step) => {
    const options = [...list.children];
    if (!options.length) return;
    at = (at + step + options.length) % options.length;
    options.forEach((one, place) => one.setAttribute("aria-selected", String(place === at)));
    input.value = options[at].textContent;
    input.setAttribute("aria-activedescendant", options[at].id);
  };
  return new Promise((resolve) => {
    let answer = null;
    const end = (value) => { answer = value; dialog.close(); };
    input.addEventListener("input", draw);
    input.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      mark(at < 0 && step < 0 ? 0 : step);
    });
    list.addEventListener("click", (event) => { if (event.target.closest("li")) end(event.target.closest("li").textContent); });
    dialog.querySelector(".remove").addEventListener("click", () => end(""));
    dialog.querySelector(".cancel").addEventListener("click", () => end(null));
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (input.value.trim()) end(input.value.trim());
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    document.body.append(dialog);
    draw();
    dialog.showModal();
    input.focus();
  });
}

export async function labels(corpus) {
  const found = await api(path(corpus, "labels"), { quiet: true }).catch(() => []);
  return (Array.isArray(found) ? found : found.labels ?? []).map((one) => one.name ?? one.label ?? one);
}

/* which: { ids } or { filter }. Afterwards changed(), and once more after an undo. */
export async function correct(corpus, which, label, changed) {
  const done = await api(path(corpus, "corrections"), { method: "POST", body: { ...which, label: label || null } });
  const undo = async () => {
    const back = await api(path(corpus, "corrections/undo"), { method: "POST", body: { undo: done.undo } });
    say(back.kept ? `${number(back.changed)} undone; ${number(back.kept)} changed by others since` : `${number(back.changed)} undone`, { kind: "good" });
    changed(null);
  };
  const what = `${number(done.changed)} ${done.changed === 1 ? "picture" : "pictures"}`;
  say(label ? `${what}: ${label}` : `${what}: label removed`, { kind: "good", action: done.undo ? ["Undo", undo] : null });
  changed(done);
}
