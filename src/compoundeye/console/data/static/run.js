/* One run: how far it is, its curves, and what its last validation says. */
import { api, data, date, duration, h, later } from "./eye.js";
import { explain } from "./run-explained.js";
import { badge, bar, curves, figure, part, progress } from "./runs-view.js";

const ASK_MS = 4000;
const first = data("run");
const base = `runs/${encodeURIComponent(first.name)}`;
const $ = (id) => document.getElementById(id);

function show(run) {
  $("state").replaceChildren(badge(run));
  $("error").hidden = !run.error;
  $("error").textContent = run.error ?? "";
  const figures = [
    ["Step", progress(run)], ["Training loss", figure(run.loss)], ["Best accuracy", part(run.accuracy)],
    ["Time", duration(run.seconds)], ["Began", date(run.started)],
  ];
  if (run.state === "running" && run.updated) figures.push(["Heard of", date(run.updated)]);
  $("figures").replaceChildren(...figures.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
  bar(run, $("bar"));
}

const load = curves([first.name]);

async function again() {
  if (!document.hidden) {
    const run = await api(base, { quiet: true }).catch(() => null);
    if (run) {
      show(run);
      await load().catch(() => null);
      if (run.validated && !first.validated) location.reload(); // there is more to show than this page has places for
      if (run.state !== "running") {
        if (run.validated) explain(base);
        return;
      }
    }
  }
  setTimeout(again, ASK_MS);
}

$("setting").addEventListener("input", later(() => {
  const asked = $("setting").value.trim().toLowerCase();
  for (const name of $("settings").querySelectorAll("dt")) {
    const value = name.nextElementSibling;
    name.hidden = value.hidden = !`${name.textContent} ${value.textContent}`.toLowerCase().includes(asked);
  }
}, 80));

show(first);
load();
if (first.validated) explain(base);
if (first.state === "running") setTimeout(again, ASK_MS);
