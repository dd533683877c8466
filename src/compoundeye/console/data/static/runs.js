/* The list of runs: what runs is looked at again every few seconds, and several are chosen to be compared. */
import { api, data, date, duration, h, keys, number, say } from "./eye.js";
import { badge, bar, began, figure, part, progress } from "./runs-view.js";

const ASK_MS = 3000;
const MOST = 12;
const place = document.getElementById("runs");
const button = document.getElementById("compare");
const chosen = new Set();
const rows = new Map();

/* A row stays the same element, so that nobody loses the focus when figures change. */
function made(run) {
  const box = h("input", { type: "checkbox", "aria-label": `Compare ${run.name}`, onchange: () => choose(run.name, box.checked) });
  const cells = Object.fromEntries(["state", "step", "loss", "accuracy", "began", "time"].map((name) => [name, h("td", { class: ["loss", "accuracy", "time"].includes(name) ? "num" : "" })]));
  const row = { cells, bar: bar(run), words: h("span"), said: "" };
  cells.step.append(row.words, row.bar);
  row.element = h("tr", {}, h("td", {}, h("label", {}, box)), h("th", { scope: "row", class: "name" }, h("a", { href: `/runs/${encodeURIComponent(run.name)}` }, run.name)),
    Object.values(cells), h("td", {}, run.model || "-"), h("td", {}, run.corpus || "-"));
  return row;
}

function show(run) {
  if (!rows.has(run.name)) rows.set(run.name, made(run));
  const row = rows.get(run.name);
  const { cells } = row;
  if (row.said !== run.state) {
    if (row.said === "running") say(`${run.name}: ${run.state}`, { kind: run.state === "done" ? "good" : "doubt" });
    row.said = run.state;
    cells.state.replaceChildren(badge(run));
    cells.state.title = run.error ?? "";
  }
  const words = { loss: figure(run.loss), accuracy: part(run.accuracy), began: began(run), time: duration(run.seconds) };
  for (const [name, text] of Object.entries(words)) if (cells[name].textContent !== text) cells[name].textContent = text;
  cells.began.title = date(run.started);
  if (row.words.textContent !== progress(run)) row.words.textContent = progress(run);
  bar(run, row.bar);
  return row.element;
}

function fill(found) {
  const elements = found.items.map(show);
  const names = new Set(found.items.map((run) => run.name));
  for (const name of rows.keys()) if (!names.has(name)) { rows.delete(name); choose(name, false); }
  if (elements.length !== place.children.length || elements.some((one, at) => one !== place.children[at])) place.replaceChildren(...elements);
  document.getElementById("none").hidden = elements.length > 0;
  document.getElementById("table").hidden = elements.length === 0;
}

function choose(name, yes) {
  if (yes) chosen.add(name);
  else chosen.delete(name);
  button.disabled = chosen.size < 2 || chosen.size > MOST;
  button.textContent = chosen.size ? `Compare ${number(chosen.size)}` : "Compare";
}

async function look() {
  if (!document.hidden) {
    try {
      fill(await api("runs", { quiet: true }));
      document.getElementById("lost").hidden = true;
    } catch (error) {
      document.getElementById("lost").hidden = error.status !== 0;
    }
  }
  setTimeout(look, [...rows.values()].some((row) => row.said === "running") ? ASK_MS : 5 * ASK_MS);
}

function compare() {
  if (button.disabled) return false;
  const order = [...rows.keys()].filter((name) => chosen.has(name));
  location.assign(`/runs/compare?${new URLSearchParams(order.map((name) => ["run", name]))}`);
  return true;
}

button.addEventListener("click", compare);
keys("Runs", { c: ["compare what is chosen", compare] });
fill(data("runs-data"));
for (const box of place.querySelectorAll("input:checked")) box.dispatchEvent(new Event("change")); // kept by the browser on the way back
setTimeout(look, ASK_MS);
