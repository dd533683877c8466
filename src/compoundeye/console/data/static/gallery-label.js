/* Saying what pictures show: a dialog that knows the labels, and what is sent and undone. */
import { api, h, later, number, say } from "./eye.js";

const SHOWN = 8;
const LENGTH = 200;
const path = (corpus, rest) => `corpora/${encodeURIComponent(corpus)}/${rest}`;
const pictures = (count) => `${number(count)} ${count === 1 ? "picture" : "pictures"}`;

/* Asks; gives the label, "" for none, or null where nothing is to be done. name: which result of categorising. */
export function wanted(corpus, count, name) {
  const input = h("input", { type: "text", id: "label-input", autocomplete: "off", spellcheck: "false", maxlength: LENGTH, role: "combobox", "aria-expanded": "true", "aria-controls": "label-list", "aria-autocomplete": "list" });
  const list = h("ul", { id: "label-list", class: "plain options", role: "listbox", "aria-label": "Known labels" });
  const button = (text, kind, type = "button") => h("button", { type, class: kind }, text);
  const [remove, cancel] = [button("Remove labels", "remove"), button("Cancel", "")];
  const form = h("form", { class: "stack" },
    h("h2", { id: "label-title" }, `Label ${pictures(count)}`),
    h("div", { class: "field" }, h("label", { for: "label-input" }, "What to see"), input),
    list,
    h("div", { class: "dialog-foot" }, remove, cancel, button("Label", "primary", "submit")));
  const dialog = h("dialog", { "aria-labelledby": "label-title", class: "label-dialog" }, form);
  suggest(corpus, name, input, list);
  return new Promise((resolve) => {
    let answer = null;
    const end = (value) => { answer = value; dialog.close(); };
    list.addEventListener("click", (event) => { if (event.target.closest("li")) end(event.target.closest("li").dataset.name); });
    remove.addEventListener("click", () => end(""));
    cancel.addEventListener("click", () => end(null));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (input.value.trim()) end(input.value.trim());
    });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
}

/* Labels that hold what was typed, as one types; the arrow keys choose. */
function suggest(corpus, name, input, list) {
  let at = -1;
  let control = null;
  const draw = async () => {
    control?.abort();
    control = new AbortController();
    const found = await api(path(corpus, "labels"), { params: { text: input.value.trim(), limit: SHOWN, name }, signal: control.signal, quiet: true }).catch(() => null);
    if (!found) return; // typing goes on, or there is nothing to choose from
    at = -1;
    input.removeAttribute("aria-activedescendant");
    list.replaceChildren(...found.map((one, place) => h("li", { role: "option", id: `label-${place}`, "aria-selected": "false", dataset: { name: one.name } },
      h("span", { class: "clip" }, one.name), h("span", { class: "num faint" }, number(one.people + one.model)))));
  };
  input.addEventListener("input", later(draw, 60));
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const options = [...list.children];
    if (!step || !options.length) return;
    event.preventDefault();
    at = at < 0 && step < 0 ? options.length - 1 : (at + step + options.length) % options.length;
    options.forEach((one, place) => one.setAttribute("aria-selected", String(place === at)));
    options[at].scrollIntoView({ block: "nearest" });
    input.value = options[at].dataset.name;
    input.setAttribute("aria-activedescendant", options[at].id);
  });
  draw();
}

/*
which: a list of { ids, version } or { filter, version }: what others said since that version stays as it is.
told(done): after each of them; undone(): after an undo. Throws ApiError, told already.
*/
export async function correct(corpus, which, label, told, undone) {
  const handles = [];
  let [changed, kept] = [0, 0];
  for (const one of which) {
    const done = await api(path(corpus, "corrections"), { method: "POST", body: { ...one, label: label || null } });
    if (done.undo) handles.push(done.undo);
    changed += done.changed + done.already;
    kept += done.kept;
    told(done, one);
  }
  const undo = async () => {
    let [back, stay] = [0, 0];
    for (const handle of handles.reverse()) {
      const done = await api(path(corpus, "corrections/undo"), { method: "POST", body: { undo: handle } });
      back += done.changed;
      stay += done.kept;
    }
    say(`${pictures(back)} as before${stay ? `; ${number(stay)} labelled again since` : ""}`, { kind: "good" });
    undone();
  };
  const others = kept ? `; others have labelled ${number(kept)} since, which stay` : "";
  say(`${pictures(changed)}: ${label || "no label"}${others}`, { kind: kept ? "doubt" : "good", action: handles.length ? ["Undo", undo] : null });
}
