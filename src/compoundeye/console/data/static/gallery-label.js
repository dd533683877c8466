/* Saying what pictures show: a dialog that knows the labels, and what is sent and undone. */
import { api, h, number, say } from "./eye.js";
import { LabelField } from "./label-field.js";

const LENGTH = 200;
const path = (corpus, rest) => `corpora/${encodeURIComponent(corpus)}/${rest}`;
const pictures = (count) => `${number(count)} ${count === 1 ? "picture" : "pictures"}`;

/* Asks; gives the label, "" for none, or null where nothing is to be done. */
export function wanted(corpus, count) {
  const input = h("input", { type: "text", id: "label-input", autocomplete: "off", spellcheck: "false", maxlength: LENGTH, role: "combobox", "aria-expanded": "false", "aria-controls": "label-list", "aria-autocomplete": "list" });
  const list = h("ul", { id: "label-list", class: "plain options", role: "listbox", "aria-label": "Known labels", hidden: true });
  const button = (text, kind) => h("button", { type: "button", class: kind }, text);
  const [remove, cancel, sure] = [button("Remove labels", "remove"), button("Cancel", ""), button("Label", "primary")];
  const dialog = h("dialog", { "aria-labelledby": "label-title", class: "label-dialog" },
    h("h2", { id: "label-title" }, `Label ${pictures(count)}`),
    h("div", { class: "field" }, h("label", { for: "label-input" }, "What to see"), input, list),
    h("div", { class: "dialog-foot" }, remove, cancel, sure));
  return new Promise((resolve) => {
    let answer = null;
    const end = (value) => { answer = value; dialog.close(); };
    const field = new LabelField(input, list, corpus, end);
    remove.addEventListener("click", () => end(""));
    cancel.addEventListener("click", () => end(null));
    sure.addEventListener("click", () => (input.value.trim() ? field.choose(field.spelled(input.value.trim())) : input.focus()));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    document.body.append(dialog);
    dialog.showModal();
    input.focus();
  });
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
  say(`${pictures(changed)}: ${label || "label removed"}${others}`, { kind: kept ? "doubt" : "good", action: handles.length ? ["Undo", undo] : null });
}
