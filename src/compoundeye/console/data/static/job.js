/* One job, live: how far it is, what came of it, what it says. */
import { api, data, date, duration, h, number, rate, say } from "./eye.js";
import { live } from "./jobs-live.js";
import { actions, alive, badge, drawBar } from "./jobs-view.js";

const $ = (id) => document.getElementById(id);
const first = data("job-data");
const ACCOUNT = { seen: "Seen", done: "Stored", duplicate: "Duplicate", abstained: "Abstained", failed: "Failed", known: "Known before", new: "New in this run" };
let known = null;
let read = null; // bytes of the log that are shown
let reading = false;
let last = first;

function figure(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

function show(job) {
  if (job.state !== known) {
    if (known !== null && !alive(job)) say(`${job.kind}: ${job.state}`, { kind: job.state === "done" ? "good" : "doubt" });
    if (known !== null && job.starts > first.starts && job.state === "running") read = null;
    $("state").replaceChildren(badge(job));
    const had = $("actions").contains(document.activeElement);
    $("actions").replaceChildren(...actions(job, show, () => location.assign("/jobs")));
    if (had) $("actions").querySelector("button")?.focus();
    known = job.state;
  }
  last = job;
  $("error").textContent = job.error ? `${job.error[0].toUpperCase()}${job.error.slice(1)}.` : "";
  $("error").hidden = !job.error;
  progress(job);
  outcome(job);
  facts(job);
  log();
  if (!alive(job)) failures();
}

function progress(job) {
  const step = job.progress;
  $("progress").hidden = !alive(job) && !step;
  drawBar($("progress").querySelector("progress"), job);
  const now = alive(job);
  $("figures").replaceChildren(...[
    step ? figure("Done", step.total === null ? number(step.done) : `${number(step.done)} of ${number(step.total)}`) : figure("Done", "-"),
    now ? figure("Rate", rate(step?.rate, step?.unit)) : null,
    now ? figure("Time left", step?.left_s ? duration(step.left_s) : "-") : null,
    job.started ? figure(now ? "Running for" : "Took", duration(((job.ended ? new Date(job.ended) : new Date()) - new Date(job.started)) / 1000)) : null,
    step?.said ? figure("Last said", step.said) : null,
  ].filter(Boolean));
}

function outcome(job) {
  const found = job.outcome;
  $("outcome").hidden = !found;
  if (!found) return;
  const names = { ...ACCOUNT, done: job.kind === "ingest" ? "Stored" : "Labelled" };
  const shown = Object.entries(names).filter(([key]) => found[key] || key === "seen" || key === "done" || key === "failed");
  $("account").replaceChildren(...shown.map(([key, name]) => figure(name, number(found[key]))));
  $("notes").hidden = !found.notes.length;
  $("notes").replaceChildren(...found.notes.map((one) => h("p", {}, one)));
  $("reasons").hidden = !found.reasons.length;
  $("reasons").querySelector("tbody").replaceChildren(...found.reasons.map((one) => h("tr", {},
    h("td", { class: "num" }, number(one.pictures)), h("td", {}, one.outcome), h("td", {}, one.reason))));
}

function facts(job) {
  const words = (job.arguments ?? first.arguments).map((one) => (/^[\w./:=,@%+-]+$/.test(one) ? one : `'${one.replaceAll("'", "'\\''")}'`));
  const rows = [
    ["Command", h("code", {}, `eye ${words.join(" ")}`)],
    ["Corpus", job.corpus_path], ["Asked by", job.by], ["Asked", date(job.created)], ["Started", date(job.started)],
    ["Ended", date(job.ended)], ["Starts", number(job.starts)], ["Machine", job.host ?? "-"],
  ];
  const text = JSON.stringify(rows.map(([name, value]) => [name, typeof value === "string" ? value : ""]));
  if ($("facts").dataset.shown === text) return; // a selection in it stays
  $("facts").dataset.shown = text;
  $("facts").replaceChildren(...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/* What was said since; the end stays in sight unless somebody has scrolled up. */
async function log() {
  if (reading) return;
  reading = true;
  const box = $("log");
  try {
    const found = await api(`jobs/${first.id}/log`, { params: { start: read }, quiet: true });
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    if (read === null) box.textContent = (found.start > 0 ? "...\n" : "") + found.text;
    else if (found.text) box.append(found.text);
    read = found.end;
    if (atEnd) box.scrollTop = box.scrollHeight;
  } catch {
    // the next change asks again
  } finally {
    reading = false;
  }
}

/* Which inputs of an ingest failed, also while it runs. */
async function failures() {
  if (first.kind !== "ingest") return;
  const found = await api(`jobs/${first.id}/failures`, { quiet: true }).catch(() => null);
  if (!found) return;
  $("failures").hidden = !found.items.length;
  $("failures").querySelector(".hint").hidden = !found.more;
  $("failures").querySelector("tbody").replaceChildren(...found.items.map((one) => h("tr", {}, h("td", {}, one.source), h("td", {}, one.reason))));
}

/* What changes though nobody tells: the clock, the log, and what failed. */
function tick(count) {
  if (alive(last) && !document.hidden) {
    progress(last);
    if (count % 3 === 0) log();
    if (count % 10 === 5) failures();
  }
  setTimeout(tick, 1000, count + 1);
}

show(first);
tick(1);
live({
  id: first.id,
  job: show,
  gone: () => location.assign("/jobs"),
  lost: (yes) => { $("lost").hidden = !yes; },
});
