/* The chain of the log, checked when somebody asks. */
import { api, h, number } from "./eye.js";

const form = document.getElementById("check");
const place = document.getElementById("checked");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  place.replaceChildren(h("p", {}, "Checking..."));
  try {
    const told = await api("faces/audit/check", { params: { end: form.elements.end.value.trim() } });
    place.replaceChildren(...(told.whole ? whole(told) : [h("p", { class: "notice wrong" }, `The log was changed: ${told.error}.`)]));
  } catch {
    place.replaceChildren();
  } finally {
    button.disabled = false;
  }
});

function whole(told) {
  const removed = told.reasons_removed.length;
  return [
    h("p", { class: "notice good" }, `All ${number(told.entries)} entries hold${removed ? `; ${number(removed)} reasons were taken out when somebody was forgotten` : ""}.`),
    h("p", { class: "small" }, "Its end, to be kept elsewhere for a later check: ", h("code", { class: "end" }, told.end)),
  ];
}
