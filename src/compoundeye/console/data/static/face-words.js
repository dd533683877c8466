/* What pages of faces ask and say alike. */
import { ask, h, number } from "./eye.js";

export const called = (person) => person.name ?? `Group ${person.id}`;
export const many = (count, what) => `${number(count)} ${what}${count === 1 ? "" : "s"}`;

/* A name in a dialog; null if there is none. */
export async function askName({ title, text = "", value = "", action = "Name", needed = true }) {
  const field = h("input", { id: "ask-name", type: "text", maxlength: 200, required: needed, value, autocomplete: "off", autofocus: true });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // else Enter presses the first button, which is Cancel
    field.form.querySelector("[value=yes]").click();
  });
  const content = h("div", { class: "field" }, h("label", { for: "ask-name" }, "Name"), field);
  if (!(await ask({ title, text, action, content }))) return null;
  return field.value.trim();
}
