/*
Lines and zones, drawn on a frame and kept in the site file. This file holds what is drawn, its undo, and saving; the
board (live-board.js) draws it, the form (live-form.js) asks for the rest.
*/
import { api, ask, bytesOf, data, h, keys, say } from "./eye.js";
import { Board } from "./live-board.js";
import { prepare } from "./live-form.js";

const $ = (id) => document.getElementById(id);
const watch = data("watch-data");
const stream = data("stream-name");
const base = `live/${encodeURIComponent(watch.name)}/streams/${encodeURIComponent(stream)}`;
const MOST_UNDO = 200;
const WAIT_MS = 1500; // a watch reads its file each second
const KINDS = ["lines", "zones"];

const state = { lines: [], zones: [], version: null, size: null, frame: null, settings: {}, chosen: null, problems: [], running: false };
let undone = [];
let saved = "";

const copy = () => JSON.stringify({ lines: state.lines, zones: state.zones });
const dirty = () => copy() !== saved;

/* Whatever changes what is drawn goes through here, so that it can be taken back. */
function change(act) {
  const before = copy();
  act();
  if (copy() === before) return;
  undone.push(before);
  if (undone.length > MOST_UNDO) undone.shift();
  show();
}

function undo() {
  if (!undone.length) return;
  Object.assign(state, JSON.parse(undone.pop()));
  if (state.chosen && !find(state.chosen)) state.chosen = null;
  show();
}

const find = (chosen) => state[chosen.kind]?.[chosen.at];

function choose(kind, at) {
  state.chosen = kind === null ? null : { kind, at };
  show();
}

function unused(kind) {
  const word = kind.slice(0, -1);
  const taken = new Set(state[kind].map((one) => one.name));
  for (let number = 1; ; number += 1) if (!taken.has(`${word} ${number}`)) return `${word} ${number}`;
}

function add(kind, points) {
  change(() => {
    state[kind].push({ name: unused(kind), was: null, values: { points }, shared: false });
    state.chosen = { kind, at: state[kind].length - 1 };
  });
  $("form").querySelector("input")?.select();
}

async function remove(chosen) {
  const one = find(chosen);
  if (one.shared && !(await ask({ title: `Delete ${one.name}?`, text: "It stands for all streams of this site, and goes from all of them when you save.", action: "Delete", danger: true }))) return;
  change(() => {
    state[chosen.kind].splice(chosen.at, 1);
    state.chosen = null;
  });
  board.svg.focus();
}

const board = new Board($("board"), state, { change, choose, add, remove: () => state.chosen && remove(state.chosen), hint: (text) => { $("hint").textContent = text; }, mode: (kind) => {
  $("new-line").setAttribute("aria-pressed", String(kind === "lines"));
  $("new-zone").setAttribute("aria-pressed", String(kind === "zones"));
} });
const form = prepare($("form"), state, { change, find, remove, arrow: (path, points) => board.ask(path, points) });

function show() {
  $("undo").disabled = !undone.length;
  $("save").disabled = !dirty();
  $("no-shapes").hidden = state.lines.length + state.zones.length > 0;
  const all = KINDS.flatMap((kind) => state[kind].map((one) => one.name));
  const face = JSON.stringify([state.chosen, state.problems, state.lines.length, state.zones.length, state.version]);
  if ($("shapes").dataset.shown === face) { // only names changed: a button that is pressed this moment stays
    $("shapes").querySelectorAll("button bdi").forEach((one, at) => { one.textContent = all[at]; });
    board.draw();
    form.show();
    return;
  }
  $("shapes").dataset.shown = face;
  const focused = document.activeElement?.dataset?.shape;
  $("shapes").replaceChildren(...KINDS.flatMap((kind) => state[kind].map((one, at) => {
    const here = state.chosen?.kind === kind && state.chosen.at === at;
    const wrong = state.problems.some((problem) => problem.place[0] === kind && problem.place[1] === one.name);
    return h("li", {},
      h("button", { type: "button", "aria-pressed": String(here), dataset: { shape: `${kind} ${at}` }, onclick: () => choose(here ? null : kind, at) }, h("bdi", {}, one.name)),
      wrong ? h("span", { class: "badge wrong" }, "wrong") : null, one.shared ? h("span", { class: "badge", title: "It holds for all streams of this site" }, "all streams") : null,
      h("span", { class: "faint small" }, kind.slice(0, -1)));
  })));
  if (focused) $("shapes").querySelector(`[data-shape="${CSS.escape(focused)}"]`)?.focus();
  board.draw();
  form.show();
}

function take(drawing) {
  Object.assign(state, { lines: drawing.lines, zones: drawing.zones, version: drawing.version, settings: drawing.settings, running: drawing.running, problems: [] });
  if (drawing.size) state.size = drawing.size;
  state.chosen = null;
  undone = [];
  saved = copy();
  $("new-line").hidden = !drawing.settings.lines;
  $("new-zone").hidden = !drawing.settings.zones;
}

async function save() {
  $("save").disabled = true;
  $("problem").hidden = true;
  const chosen = state.chosen;
  const sent = (kind) => state[kind].map(({ name, was, values }) => ({ name, was, values }));
  try {
    take(await api(`${base}/drawing`, { method: "PUT", quiet: true, body: { version: state.version, frame: state.size, lines: sent("lines"), zones: sent("zones") } }));
    state.chosen = chosen && find(chosen) ? chosen : null;
    show();
    say(state.running ? "Saved; the watch takes it within a second." : "Saved.", { kind: "good" });
    if (state.running) setTimeout(taken, WAIT_MS);
  } catch (error) {
    state.problems = error.told?.problems ?? [];
    const first = state.problems.find((one) => KINDS.includes(one.place[0]));
    if (first) {
      const at = state[first.place[0]].findIndex((one) => one.name === first.place[1]);
      if (at >= 0) state.chosen = { kind: first.place[0], at };
    }
    $("problem").replaceChildren(error.message, error.status === 409 ? h("button", { type: "button", onclick: again }, "Load it again") : "");
    $("problem").hidden = false;
    show();
    $("form").querySelector("[aria-invalid]")?.focus();
  }
}

async function again() {
  if (dirty() && !(await ask({ title: "Load the file again?", text: "What you drew since goes.", action: "Load", danger: true }))) return;
  $("problem").hidden = true;
  take(await api(`${base}/drawing`));
  show();
}

/* Whether the watch has taken it: it says so in its state. */
async function taken() {
  const row = await api(`live/${encodeURIComponent(watch.name)}`, { quiet: true }).catch(() => null);
  const told = row?.streams.find((one) => one.stream === stream);
  $("refused").hidden = !told?.why;
  $("refused").textContent = told?.why ? `The watch says: ${told.why}` : "";
}

async function picture() {
  $("board").setAttribute("aria-busy", "true");
  try {
    const response = await bytesOf(`${base}/frame`);
    const [width, height] = response.headers.get("Frame-Size").split("x").map(Number);
    state.frame = [width, height];
    state.size ??= [width, height];
    board.picture(await createImageBitmap(await response.blob()));
    $("no-picture").hidden = true;
  } catch (error) {
    $("no-picture").hidden = false;
    $("no-picture").textContent = error.message;
    state.size ??= state.frame ?? [1280, 720];
  }
  $("board").setAttribute("aria-busy", "false");
}

async function begin() {
  try {
    const drawing = await api(`${base}/drawing`, { quiet: true });
    await pictureOf(drawing);
  } catch (error) {
    $("problem").textContent = error.message;
    $("problem").hidden = false;
    $("board").setAttribute("aria-busy", "false");
    for (const id of ["new-line", "new-zone", "fresh"]) $(id).disabled = true;
  }
}

async function pictureOf(drawing) {
  if (drawing.size) state.size = drawing.size;
  await picture();
  if (!$("no-picture").hidden && drawing.running) await patiently();
  take(drawing);
  show();
}

/* A watch shows frames only once somebody has asked. */
async function patiently() {
  for (let turn = 0; turn < 20 && !$("no-picture").hidden; turn += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 250); });
    await picture();
  }
}

$("form").addEventListener("input", () => { $("save").disabled = false; });
$("undo").addEventListener("click", undo);
$("save").addEventListener("click", save);
$("fresh").addEventListener("click", async () => { await picture(); show(); });
$("new-line").addEventListener("click", () => board.start("lines"));
$("new-zone").addEventListener("click", () => board.start("zones"));
keys("Lines and zones", {
  l: ["new line", () => board.start("lines")],
  z: ["new zone", () => board.start("zones")],
  "Mod+z": ["undo", undo],
  "Mod+s": ["save", () => { if (dirty()) save(); }],
});
addEventListener("beforeunload", (event) => { if (dirty()) event.preventDefault(); });
begin();
