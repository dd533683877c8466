/* A question in a dialog of the page: the browser keeps the focus in it, Escape says no. */
import { h } from "./dom.js";

export function ask({ title, text = "", action = "Yes", danger = false, content = null }) {
  const dialog = h("dialog", { "aria-labelledby": "ask-title" },
    h("form", { method: "dialog", class: "stack" },
      h("h2", { id: "ask-title" }, title),
      text ? h("p", {}, text) : null,
      content,
      h("div", { class: "dialog-foot" },
        h("button", { value: "", formnovalidate: true }, "Cancel"),
        h("button", { value: "yes", class: danger ? "danger" : "primary", autofocus: !danger }, action))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
