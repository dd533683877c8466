/* The wall: every watch with its streams, those that run as pictures. */
import { ago, api, ask, data, h, later, number, say } from "./eye.js";
import { Feed } from "./live-feed.js";
import { prepare } from "./live-start.js";
import { View } from "./live-view.js";
import { HEALTH, STATES, counters } from "./live-words.js";

const ASK_MS = 2000;
const WALL_MS = 500; // two frames a second: a wall is looked over, a stream's own page is looked at
const place = document.getElementById("watches");
const none = document.getElementById("none");
const lost = document.getElementById("lost");
const known = new Map();

function made(watch) {
  const row = { state: h("span", {}), how: h("p", { class: "faint small" }), actions: h("div", { class: "row" }), tiles: h("ul", { class: "plain wall" }), streams: new Map(), shown: "" };
  row.element = h("section", { "aria-label": watch.name },
    h("div", { class: "head watch-head" }, h("div", {}, h("h2", {}, h("bdi", {}, watch.name), " ", row.state), row.how), row.actions), row.tiles);
  return row;
}

function tile(watch, stream) {
  const view = new View({ label: stream.stream });
  const one = { view, badge: h("span", {}), words: h("span", { class: "small faint" }), why: h("span", { class: "small doubt", hidden: true }), feed: null };
  one.element = h("li", { class: "wall-tile" },
    h("a", { href: `/live/${encodeURIComponent(watch.name)}/${encodeURIComponent(stream.stream)}` }, view.element,
      h("span", { class: "wall-name" }, h("b", {}, h("bdi", {}, stream.stream)), one.badge)),
    one.words, one.why);
  return one;
}

function show(watch) {
  let row = known.get(watch.name);
  if (!row) {
    row = made(watch);
    known.set(watch.name, row);
  }
  const [word, kind] = STATES[watch.state];
  const text = JSON.stringify([watch.state, watch.error, watch.stopping, watch.can_stop, watch.can_start, watch.job]);
  if (row.shown !== text) {
    row.shown = text;
    row.state.replaceChildren(h("span", { class: `badge ${kind}` }, word));
    row.how.textContent = [watch.app, watch.started && watch.state === "running" ? `since ${ago(watch.started)}` : null, watch.stopping, watch.error].filter(Boolean).join(", ");
    row.how.classList.toggle("wrong", Boolean(watch.error));
    const had = row.actions.contains(document.activeElement);
    row.actions.replaceChildren(...actions(watch));
    if (had) row.actions.querySelector("button, a")?.focus();
  }
  for (const stream of watch.streams) showStream(row, watch, stream);
  for (const [name, one] of row.streams) {
    if (watch.streams.some((stream) => stream.stream === name)) continue;
    one.feed?.end();
    one.element.remove();
    row.streams.delete(name);
  }
  return row.element;
}

function showStream(row, watch, stream) {
  let one = row.streams.get(stream.stream);
  if (!one) {
    one = tile(watch, stream);
    row.streams.set(stream.stream, one);
    row.tiles.append(one.element);
  }
  const runs = watch.state === "running";
  if (runs && !one.feed) {
    one.feed = new Feed(one.view.element, watch.name, stream.stream, { every: WALL_MS, width: () => one.view.element.clientWidth * devicePixelRatio, show: (frame) => one.view.show(frame) });
  } else if (!runs && one.feed) {
    one.feed.end();
    one.feed = null;
  }
  if (!runs) one.view.blank.textContent = watch.state === "starting" ? "Starting" : "Not watched";
  one.element.classList.toggle("rests", !runs);
  const [word, kind] = HEALTH[stream.health];
  one.badge.className = `badge ${runs ? kind : ""}`;
  one.badge.textContent = runs ? word : number(stream.events) + (stream.events === 1 ? " event" : " events");
  const parts = [runs && stream.fps !== null ? `${number(stream.fps, 1)} frames/s` : null, stream.latency.p50 !== null && runs ? `${number(Math.round(stream.latency.p50))} ms` : null, stream.dropped ? `${number(stream.dropped)} dropped` : null, ...counters(stream.app).slice(0, 3)];
  one.words.textContent = parts.filter(Boolean).join(", ");
  one.why.hidden = !stream.why || !runs;
  one.why.textContent = stream.why;
}

function actions(watch) {
  const act = (text, send, sure = () => true) => h("button", { type: "button", "aria-label": `${text}: ${watch.name}`, onclick: async (event) => {
    const button = event.currentTarget;
    if (!(await sure())) return;
    button.disabled = true;
    try {
      await send();
      await look();
    } catch (error) {
      if (!("status" in error)) say(String(error), { kind: "wrong" });
    }
    button.disabled = false;
  } }, text);
  const found = [];
  if (watch.can_stop) found.push(act("Stop", () => api(`live/${encodeURIComponent(watch.name)}/stop`, { method: "POST" }), () => watch.job || ask({ title: `Stop ${watch.name}?`, text: `It was begun at a terminal${watch.can_draw ? "" : ", and only there can it be begun again"}. What it counted is kept.`, action: "Stop", danger: true })));
  if (watch.can_start && watch.job) found.push(act("Start", () => api(`jobs/${watch.job}/resume`, { method: "POST" })));
  else if (watch.can_start) found.push(act("Start", () => api("jobs", { method: "POST", body: { kind: "watch", name: watch.name } })));
  if (watch.job) found.push(h("a", { class: "button quiet", href: `/jobs/${watch.job}`, "aria-label": `Log: ${watch.name}` }, "Log"));
  return found;
}

function fill(found) {
  const elements = found.watches.map(show);
  for (const [name, row] of known) {
    if (found.watches.some((one) => one.name === name)) continue;
    for (const one of row.streams.values()) one.feed?.end();
    row.element.remove();
    known.delete(name);
  }
  elements.forEach((one, at) => { if (place.children[at] !== one) place.insertBefore(one, place.children[at] ?? null); });
  none.hidden = elements.length > 0;
}

async function look() {
  clearTimeout(timer);
  try {
    fill(await api("live", { quiet: true }));
    lost.hidden = true;
  } catch (error) {
    lost.hidden = error.status !== 0;
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, ASK_MS);
}

let timer = null;
document.addEventListener("visibilitychange", later(() => { if (!document.hidden) look(); }, 50));
fill(data("live-data"));
timer = setTimeout(look, ASK_MS);
prepare(look);
