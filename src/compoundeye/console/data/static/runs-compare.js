/* Several runs beside each other. */
import { api, data, duration, h } from "./eye.js";
import { badge, curves, figure, part, plain, progress } from "./runs-view.js";

const found = data("compared");
const names = found.runs.map((run) => run.name);
const $ = (id) => document.getElementById(id);

function facts(runs) {
  const best = (values, least) => {
    const there = values.filter((one) => one !== null);
    return there.length > 1 ? (least ? Math.min(...there) : Math.max(...there)) : null;
  };
  const row = (name, cells) => h("tr", {}, h("th", { scope: "row" }, name), cells);
  const [loss, accuracy] = [best(runs.map((run) => run.loss), true), best(runs.map((run) => run.accuracy), false)];
  const marked = (value, top, text) => h("td", { class: value !== null && value === top ? "best" : "" }, text, value !== null && value === top ? h("span", { class: "unseen" }, " (best)") : null);
  $("facts").replaceChildren(
    row("state", runs.map((run) => h("td", {}, badge(run)))),
    row("step", runs.map((run) => h("td", {}, progress(run)))),
    row("training loss", runs.map((run) => marked(run.loss, loss, figure(run.loss)))),
    row("best accuracy", runs.map((run) => marked(run.accuracy, accuracy, part(run.accuracy)))),
    row("time", runs.map((run) => h("td", {}, duration(run.seconds)))),
    row("model", runs.map((run) => h("td", {}, run.model || "-"))),
    row("corpus", runs.map((run) => h("td", {}, run.corpus || "-"))));
}

$("names").append(...found.runs.map((run) => h("th", { scope: "col" }, h("a", { href: `/runs/${encodeURIComponent(run.name)}` }, run.name))));
$("differences").replaceChildren(...found.differences.map((one) => h("tr", {}, h("th", { scope: "row" }, one.key), one.values.map((value) => h("td", {}, plain(value))))));
$("same").hidden = found.differences.length > 0;
facts(found.runs);

const load = curves(names);

async function again() {
  if (!document.hidden) {
    const now = await api("runs/compare", { params: { run: names }, quiet: true }).catch(() => null);
    if (now) {
      facts(now.runs);
      await load().catch(() => null);
      if (now.runs.every((run) => run.state !== "running")) return;
    }
  }
  setTimeout(again, 5000);
}

load();
if (found.runs.some((run) => run.state === "running")) setTimeout(again, 5000);
