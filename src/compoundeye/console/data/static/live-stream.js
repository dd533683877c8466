/* One stream: its newest frames, how it is, counts, charts. Nothing is asked for while nobody looks. */
import { api, data, h, number } from "./eye.js";
import { Chart } from "./chart.js";
import { prepare } from "./live-events.js";
import { Feed } from "./live-feed.js";
import { View } from "./live-view.js";
import { HEALTH, STATES, lines, zones } from "./live-words.js";

const ASK_MS = 1000;
const FRAME_MS = 80; // as often as a watch shows frames
const HISTORY_TURNS = 15; // of asking for states: counts of minutes change slowly
const SAMPLES = 3600; // an hour of seconds
const $ = (id) => document.getElementById(id);
const watch = data("watch-data");
const first = data("stream-data");
const base = `live/${encodeURIComponent(watch.name)}/streams/${encodeURIComponent(first.stream)}`;

const view = new View({ label: first.stream });
$("view").append(view.element);
let feed = null;
let shownState = null;

function figure(name, value) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, value));
}

function show(row, stream) {
  const runs = row.state === "running";
  if (runs && !feed) {
    feed = new Feed(view.element, watch.name, first.stream, { every: FRAME_MS, width: () => view.element.clientWidth * devicePixelRatio, show: (frame) => view.show(frame) });
  } else if (!runs && feed) {
    feed.end();
    feed = null;
  }
  if (!runs && !view.frame) view.blank.textContent = row.state === "starting" ? "Starting" : "Not watched";
  const [word, kind] = runs ? HEALTH[stream.health] : STATES[row.state];
  if (shownState !== word) $("state").replaceChildren(h("span", { class: `badge ${kind}` }, runs ? (stream.health === "good" ? "running" : word) : word));
  shownState = word;
  const why = runs ? stream.why : row.error;
  $("why").hidden = !why;
  if ($("why").textContent !== (why ?? "")) $("why").textContent = why ?? "";
  const latency = stream.latency;
  const ms = (value) => (value === null ? "-" : `${number(Math.round(value))} ms`);
  $("figures").replaceChildren(
    figure("Frames/s", stream.fps === null ? "-" : number(stream.fps, 1)),
    figure(latency.since === "capture" ? "Latency" : "Latency since decoding", ms(latency.p50)),
    figure("99 % within", ms(latency.p99)),
    figure("Looked at", number(stream.looked)),
    figure("Dropped", number(stream.dropped)),
    stream.damaged ? figure("Damaged", number(stream.damaged)) : "",
    stream.reconnects ? figure("Reconnections", number(stream.reconnects)) : "",
    figure("Events", number(stream.events)),
    stream.width ? figure("Size", `${stream.width} × ${stream.height}`) : "",
  );
  counts(stream.app);
  if (runs) sample(stream);
}

let countsShown = "";
function counts(app) {
  const text = JSON.stringify(app);
  if (countsShown === text) return;
  countsShown = text;
  const table = (name, heads, rows) => h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": name },
    h("table", { class: "data counts" }, h("thead", {}, h("tr", {}, heads.map((one, at) => h("th", { scope: "col", class: at ? "num" : "" }, one)))),
      h("tbody", {}, rows.map(([head, ...cells]) => h("tr", {}, h("th", { scope: "row" }, h("bdi", {}, head)), cells.map((one) => h("td", { class: "num" }, one)))))));
  const found = [];
  if (typeof app.tracks === "number") found.push(h("p", {}, `${number(app.tracks)} followed`));
  if (lines(app).length) found.push(table("Lines", ["Line", "In", "Out"], lines(app).map(([name, one]) => [name, directed(one.in, one.in_name, "in"), directed(one.out, one.out_name, "out")])));
  if (zones(app).length) found.push(table("Zones", ["Zone", "Now", "Mean", "Most", "Visits"], zones(app).map(([name, one]) => [name, number(one.now), number(one.mean), number(one.max), number(one.visits)])));
  for (const one of Array.isArray(app.lasting) ? app.lasting.slice(0, 10) : []) found.push(h("p", { class: "notice doubt" }, h("b", {}, String(one.kind).replaceAll("_", " ")), ` ${[one.zone, one.class, one.track].filter((part) => part !== undefined && part !== null).join(", ")}`));
  for (const one of Array.isArray(app.warnings) ? app.warnings.slice(0, 10) : []) found.push(h("p", { class: "doubt small" }, String(one)));
  if (!found.length) found.push(h("p", { class: "faint" }, "Nothing is counted yet."));
  $("counts").replaceChildren(...found);
}

const directed = (count, name, usual) => (name && name !== usual ? `${number(count)} ${name}` : number(count));

/* Occupancy second by second since the page was opened; what was told before stands in front of it. */
const samples = new Map();
let past = { until: null, flow: [], occupancy: [] };
function sample(stream) {
  if (stream.captured === null) return;
  for (const [name, one] of zones(stream.app)) {
    const kept = samples.get(name) ?? { at: [], values: [] };
    samples.set(name, kept);
    if (kept.at.at(-1) >= stream.captured) continue;
    kept.at.push(stream.captured);
    kept.values.push(one.now);
    if (kept.at.length > SAMPLES) {
      kept.at.shift();
      kept.values.shift();
    }
  }
}

const charts = {};
function draw(id, title, courses, until) {
  const place = $(id);
  const some = courses.filter((one) => one.at.length > 1);
  place.hidden = !some.length;
  if (!some.length) return;
  charts[id] ??= new Chart(place, { title, across: "minutes", format: (value) => number(Math.round(10 * value) / 10) });
  charts[id].show(some.slice(0, 6).map((one, at) => ({ name: one.name, tone: 1 + (at % 6), dashed: false, dots: false, x: one.at.map((value) => (value - until) / 60), y: one.values })));
}

function drawAll() {
  const newest = Math.max(past.until ?? 0, ...[...samples.values()].map((one) => one.at.at(-1)));
  if (!newest) return;
  draw("flow", "Crossings a minute", past.flow, past.until ?? newest);
  const names = new Set([...past.occupancy.map((one) => one.name), ...samples.keys()]);
  draw("occupancy", "In zones", [...names].map((name) => {
    const now = samples.get(name) ?? { at: [], values: [] };
    const then = past.occupancy.find((one) => one.name === name) ?? { at: [], values: [] };
    const before = then.at.map((at, index) => [at, then.values[index]]).filter(([at]) => at < (now.at[0] ?? Infinity));
    return { name, at: [...before.map(([at]) => at), ...now.at], values: [...before.map(([, value]) => value), ...now.values] };
  }), newest);
}

async function remember() {
  try {
    past = await api(`${base}/history`, { quiet: true });
  } catch {
    // a store that cannot be read is told above the events
  }
  drawAll();
}

const events = prepare(base);
let timer = null;
let turns = 0;
let seenEvents = first.events;

async function look() {
  clearTimeout(timer);
  try {
    const row = await api(`live/${encodeURIComponent(watch.name)}`, { quiet: true });
    const stream = row.streams.find((one) => one.stream === first.stream);
    $("lost").hidden = true;
    if (stream) {
      show(row, stream);
      if (stream.events !== seenEvents || turns % HISTORY_TURNS === 0) {
        seenEvents = stream.events;
        events.look();
      }
      if (turns % HISTORY_TURNS === 0) await remember();
      else if (turns % 3 === 0) drawAll();
    }
  } catch (error) {
    $("lost").hidden = error.status !== 0;
  }
  turns += 1;
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, ASK_MS);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) look();
});
show(watch, first);
look();

