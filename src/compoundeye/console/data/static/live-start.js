/* The form that starts a watch. */
import { api, keys, say } from "./eye.js";

export function prepare(started) {
  const dialog = document.getElementById("watch");
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  const open = () => dialog.showModal();
  document.getElementById("start-watch").addEventListener("click", open);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  keys("Live", { w: ["watch something", open] });
  const choose = () => dialog.querySelectorAll("div[data-way]").forEach((one) => { one.hidden = one.dataset.way !== form.elements.way.value; });
  form.querySelectorAll("[name=way]").forEach((one) => one.addEventListener("change", choose));
  choose();
  if (new URLSearchParams(location.search).get("start") === "watch") open();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector(".primary");
    problem.hidden = true;
    button.disabled = true;
    try {
      await api("jobs", { method: "POST", body: body(form.elements), quiet: true });
      form.elements.source.value = ""; // it may hold a password
      dialog.close();
      say("It starts: loading a model takes a few seconds.", { kind: "good" });
      started();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
    button.disabled = false;
  });
}

function body(fields) {
  const name = fields.name.value.trim();
  if (fields.way.value === "site") return { kind: "watch", name, site: fields.site.value.trim() || null };
  return { kind: "watch", name, streams: streams(fields.source.value, name), hide: fields.hide.value };
}

/* "gate=rtsp://..." names a stream; one alone is named as its watch, several are numbered. */
function streams(text, name) {
  const rows = text.split("\n").map((one) => one.trim()).filter(Boolean);
  return Object.fromEntries(rows.map((one, at) => {
    const named = one.match(/^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)$/);
    return named ? [named[1], named[2]] : [rows.length === 1 ? name : `${name}-${at + 1}`, one];
  }));
}
