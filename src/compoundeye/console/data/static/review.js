/* Picture after picture: a digit or Enter says what it shows, s leaves it, u takes the last word back. */
import { api, bytes, data, date, h, keys, number, percent, say } from "./eye.js";
import { LabelField } from "./label-field.js";
import { Labelling } from "./labelling.js";
import { Queue } from "./review-queue.js";
import { smallTile } from "./small-tile.js";
import { Viewer, controls } from "./viewer.js";

const DIGITS = 9;
const POLL_MS = 700;
const $ = (id) => document.getElementById(id);
const about = data("about");
const corpus = `corpora/${encodeURIComponent(about.corpus)}`;
const queue = new Queue(about.corpus, about.queue, about.words);
const labelling = new Labelling(about.corpus, about.you, () => {});
const viewer = new Viewer($("viewer"), { zoomed: (scale) => { $("zoom-share").textContent = percent(scale, 0); }, swiped: (step) => (step > 0 ? skip() : back()) });
const field = new LabelField($("label"), $("label-options"), about.corpus, answer);

const given = []; // [item, its correction under way], the last at the end
let recent = []; // labels given on this page, the last first
let usual = []; // labels that people gave most
let total = 0;
let offered = [];

async function go() {
  let page;
  try {
    page = await queue.fill();
  } catch (error) {
    finished("This queue cannot be shown", error.message);
    return;
  }
  if (page) {
    total = page.total + given.length;
    $("stale").hidden = !page.stale;
    computing(page.computing);
    if (page.computing !== null && !queue.item) {
      setTimeout(go, POLL_MS);
      return;
    }
    if (page.computing !== null) setTimeout(watch, POLL_MS);
  }
  show();
}

/* While neighbours are compared again, the list as it was can be worked on. */
async function watch() {
  const page = await api(`${corpus}/review/${about.queue}`, { params: { ...queue.words, limit: 1 }, quiet: true }).catch(() => null);
  if (!page) return;
  computing(page.computing);
  if (page.computing !== null) setTimeout(watch, POLL_MS);
  else {
    say("Neighbours are compared.", { kind: "good" });
    queue.restart();
    go();
  }
}

function computing(share) {
  $("computing").hidden = share === null;
  if (share === null) return;
  $("compared").value = share;
  $("compared-share").textContent = percent(share, 0);
}

function finished(title, text) {
  $("looking").hidden = true;
  $("finished").hidden = false;
  $("finished-title").textContent = title;
  $("finished-told").textContent = text;
}

function show() {
  const { item } = queue;
  count();
  if (!item) {
    finished("Nothing is left in this queue", given.length ? `You labelled ${number(given.length)} here.` : "No picture in it waits for a label.");
    return;
  }
  $("finished").hidden = true;
  $("looking").hidden = false;
  const { picture } = item;
  const image = $("image");
  $("broken").hidden = true;
  image.src = address(picture);
  image.alt = picture.source.slice(picture.source.lastIndexOf("/") + 1);
  viewer.show(picture.width, picture.height);
  $("why").textContent = `${item.why[0].toUpperCase()}${item.why.slice(1)}.`;
  suggest(item);
  facts(picture);
  alike(item);
  if (queue.next) new Image().src = address(queue.next.picture);
}

const address = (picture) => picture.thumbnail.replace("/thumbnail", "/image");

function count() {
  $("left").textContent = `${number(Math.max(0, total - given.length))} left, ${number(given.length)} done`;
}

/* The model's and the neighbours' first, then what was said last, then what is said most. */
function suggest(item) {
  const others = [...recent.map((label) => ({ label, why: "you, just now" })), ...usual.map((label) => ({ label, why: "" }))];
  const first = new Map();
  for (const one of [...item.suggestions, ...others]) if (!first.has(one.label)) first.set(one.label, one);
  offered = [...first.values()].slice(0, DIGITS);
  $("suggestions").replaceChildren(...offered.map((one, place) => h("li", {},
    h("button", { type: "button", class: place === 0 && item.suggestions.length ? "first" : "", onclick: () => answer(one.label), "aria-keyshortcuts": place + 1 },
      h("kbd", {}, place + 1), h("span", { class: "clip" }, one.label), h("span", { class: "hint" }, one.why)))));
  $("accept").disabled = !item.suggestions.length;
}

function facts(picture) {
  const rows = [["Source", h("bdi", {}, picture.source)], ["Size", `${number(picture.width)} × ${number(picture.height)}, ${picture.format}, ${bytes(picture.bytes)}`]];
  if (picture.taken_at) rows.push(["Taken", date(picture.taken_at)]);
  if (picture.by) rows.push(["Said by", h("span", { class: "mono" }, picture.by)]);
  rows.push(["All of it", h("a", { href: `/c/${encodeURIComponent(about.corpus)}/p/${picture.id}` }, "its own page")]);
  $("facts").replaceChildren(...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

async function alike(item) {
  $("alike").hidden = true;
  const found = await (item.alike ??= api(`${corpus}/pictures/${item.picture.id}/similar`, { params: { k: 8 }, quiet: true }).catch(() => ({ items: [] })));
  if (queue.item !== item || !found.items.length) return;
  $("alike").hidden = false;
  $("alike-tiles").replaceChildren(...found.items.map((one) => smallTile(about.corpus, one, one.similarity.toFixed(3))));
}

/* The next picture is there at once; whether the word was taken is told when it is known. */
function answer(label) {
  const { item } = queue;
  if (!item) return;
  recent = [label, ...recent.filter((one) => one !== label)].slice(0, DIGITS);
  const made = labelling.correct([item.picture.id], label, item.version, { quiet: true });
  const entry = { item, made };
  given.push(entry);
  made.then((done) => {
    if (done.changed) $("last").textContent = `${label}. u takes it back.`;
  }, () => { // it was told why: the picture comes again
    given.splice(given.indexOf(entry), 1);
    queue.items.splice(queue.items.indexOf(item), 1);
    queue.at -= 1;
    queue.items.splice(queue.at, 0, item);
    show();
  });
  queue.at += 1;
  go();
}

function accept() {
  const first = queue.item?.suggestions[0];
  if (!first) return false;
  answer(first.label);
  return true;
}

function skip() {
  if (!queue.item) return false;
  queue.at += 1;
  go();
  return true;
}

function back() {
  if (queue.at === 0) return false;
  queue.at -= 1;
  show();
  return true;
}

/* The last word is taken back, and its picture is looked at again. */
async function undo() {
  const entry = given.pop();
  if (!entry) {
    await labelling.undo().catch(() => {});
    return;
  }
  const done = await entry.made.catch(() => null);
  const undone = done?.undo ? await labelling.undo(done.undo).catch(() => null) : null;
  if (undone?.changed) entry.item.version = undone.version;
  const place = queue.items.indexOf(entry.item);
  if (place >= 0) queue.at = place;
  else queue.items.splice(queue.at, 0, entry.item);
  $("last").textContent = "";
  show();
}

keys("Looking into it", controls(viewer, document));
keys("Review", {
  Enter: ["accept the first suggestion", (event) => (event.target.closest("a, button, summary") ? false : accept())],
  ...Object.fromEntries(Array.from({ length: DIGITS }, (_, place) => [String(place + 1), [
    `label ${place + 1}`, () => (offered[place] ? answer(offered[place].label) : false),
  ]])),
  s: ["skip it", skip],
  ArrowRight: ["skip it", skip],
  ArrowLeft: ["the one before", back],
  l: ["another label", () => field.focus()],
  u: ["undo", () => { undo(); }],
});
$("accept").addEventListener("click", accept);
$("skip").addEventListener("click", skip);
$("undo").addEventListener("click", undo);
$("image").addEventListener("error", () => { $("broken").hidden = !queue.item; });
$("reload").addEventListener("click", () => location.reload());
$("again").addEventListener("click", async () => {
  await api(`${corpus}/review/disagree`, { method: "POST", params: queue.words });
  $("stale").hidden = true;
  watch();
});

api(`${corpus}/labels`, { params: { limit: DIGITS }, quiet: true }).then((known) => {
  usual = known.filter((one) => one.people || one.model).map((one) => one.name);
  if (queue.item) suggest(queue.item);
}, () => {});
go();
