/* The list of jobs, as it changes. */
import { api, ago, data, date, h, say } from "./eye.js";
import { live } from "./jobs-live.js";
import { prepare } from "./jobs-start.js";
import { actions, alive, badge, drawBar, words } from "./jobs-view.js";

const list = document.getElementById("jobs");
const none = document.getElementById("none");
const more = document.getElementById("more");
const lost = document.getElementById("lost");
const rows = new Map();
let next = null;

/* A row stays the same element, so that nobody loses the focus when figures change. */
function made(job) {
  const link = h("a", { href: `/jobs/${job.id}` }, job.title);
  const row = {
    state: h("span", {}), how: h("p", { class: "how" }), bar: h("progress", { "aria-label": `Progress of ${job.title}` }),
    actions: h("div", { class: "row" }), known: null,
  };
  row.element = h("li", { class: "job-row", dataset: { id: job.id } }, h("div", { class: "what" }, row.state, link), row.actions, row.how, row.bar);
  return row;
}

function show(job) {
  let row = rows.get(job.id);
  if (!row) {
    row = made(job);
    rows.set(job.id, row);
    const after = [...list.children].find((one) => one.dataset.id < job.id);
    list.insertBefore(row.element, after ?? null);
  }
  if (row.known !== job.state) {
    if (row.known !== null && !alive(job)) say(`${job.kind} ${job.title}: ${job.state}`, { kind: job.state === "done" ? "good" : "doubt" });
    row.state.replaceChildren(badge(job));
    const had = row.actions.contains(document.activeElement);
    row.actions.replaceChildren(...actions(job, show, () => drop(job.id)));
    if (had) row.actions.querySelector("button")?.focus();
    row.known = job.state;
  }
  const where = [job.kind, job.corpus ?? job.corpus_path, alive(job) ? null : ago(job.ended ?? job.created)].filter(Boolean).join(", ");
  const text = `${where}: ${words(job)}`;
  if (row.how.textContent !== text) row.how.textContent = text;
  row.how.classList.toggle("wrong", Boolean(job.error));
  row.how.title = `began ${date(job.created)}, by ${job.by}`;
  drawBar(row.bar, job);
  none.hidden = true;
}

function drop(id) {
  rows.get(id)?.element.remove();
  rows.delete(id);
  none.hidden = rows.size > 0;
}

function fill(page) {
  page.items.forEach(show);
  next = page.next;
  more.hidden = next === null;
  none.hidden = rows.size > 0;
}

more.addEventListener("click", async () => fill(await api("jobs", { params: { after: next } })));
fill(data("job-data"));
prepare();
live({ job: show, gone: drop, lost: (yes) => { lost.hidden = !yes; } });
