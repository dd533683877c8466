/* Keyboard shortcuts: registered by pages, listed in the help, silent while somebody types. */
import { h } from "./dom.js";

const tables = new Set();
const SWITCH = "single-keys"; // WCAG 2.2, 2.1.4: shortcuts of one character can be turned off

const single = () => localStorage.getItem(SWITCH) !== "off";

export function keys(title, table) {
  const entry = { title, table };
  tables.add(entry);
  return () => tables.delete(entry);
}

/* "Mod+Shift+ArrowDown": shift is said only where the key's own name does not show it ("?" needs none). */
function named(event) {
  const shift = event.shiftKey && (event.key.length > 1 || event.key === " ");
  return `${event.ctrlKey || event.metaKey ? "Mod+" : ""}${event.altKey ? "Alt+" : ""}${shift ? "Shift+" : ""}${event.key}`;
}

function typing(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return target.matches("input") && !target.matches("[type=checkbox], [type=radio], [type=button], [type=range]");
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing || typing(event.target) || document.querySelector("dialog[open]")) return;
  const name = named(event);
  if (name.length === 1 && !single()) return;
  for (const { table } of [...tables].reverse()) { // the page's own come before those of the frame
    if (Object.hasOwn(table, name) && table[name][1](event) !== false) {
      event.preventDefault();
      return;
    }
  }
});

const SHOWN = { ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", " ": "Space", Mod: "Ctrl or ⌘" };

function caps(name) {
  if (name === " ") return [h("kbd", {}, "Space")];
  return name.split("+").map((part) => h("kbd", {}, SHOWN[part] ?? (part || "+")));
}

export function showKeys() {
  if (document.querySelector("dialog[open]")) return;
  const lists = [...tables].reverse().filter(({ table }) => Object.keys(table).length).map(({ title, table }) => [
    h("h3", {}, title),
    h("dl", { class: "keys" }, Object.entries(table).map(([name, [what]]) => [h("dt", {}, caps(name)), h("dd", {}, what)])),
  ]);
  const box = h("input", { type: "checkbox", onchange: () => localStorage.setItem(SWITCH, box.checked ? "on" : "off") });
  box.checked = single();
  const dialog = h("dialog", { "aria-labelledby": "keys-title" },
    h("div", { class: "head" }, h("h2", { id: "keys-title" }, "Keyboard"), h("form", { method: "dialog" }, h("button", {}, "Close"))),
    lists,
    h("label", { class: "check" }, box, "Shortcuts of a single character"));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
