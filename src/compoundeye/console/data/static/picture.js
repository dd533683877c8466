/* One picture: look into it, say what it shows, go on to the next. */
import { api, bytes, data, date, h, keys, number, percent } from "./eye.js";
import { LabelField } from "./label-field.js";
import { Labelling } from "./labelling.js";
import { smallTile } from "./small-tile.js";
import { Viewer, controls } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const about = data("about");
const path = `corpora/${encodeURIComponent(about.corpus)}/pictures/${about.picture.id}`;
let { picture, version } = about;

const viewer = new Viewer($("viewer"), {
  zoomed: (scale, whole) => {
    $("zoom-share").textContent = percent(scale, 0);
    $("viewer").parentElement.querySelector("[data-zoom=whole]").setAttribute("aria-pressed", String(whole));
  },
  swiped: (step) => $(step > 0 ? "after" : "before")?.click(),
});
viewer.show(picture.width, picture.height);
$("image").addEventListener("error", broken);
if ($("image").complete && !$("image").naturalWidth) broken();

function broken() {
  $("broken").hidden = false;
}

const field = new LabelField($("label"), $("label-options"), about.corpus, (label) => say(label));
const labelling = new Labelling(about.corpus, about.you, refresh);
const say = (label) => labelling.correct([picture.id], label, version).catch(() => {}); // the message has been shown

/* After a correction or an undo: what stands here is what stands in the corpus. */
async function refresh() {
  const [found, history] = await Promise.all([api(path), api(`${path}/account`)]);
  ({ picture, version } = found);
  show(history);
}

const guess = () => picture.said ?? picture.best;

function show(history) {
  $("heading").textContent = picture.category ?? { abstained: "Abstained", failed: "Failed" }[picture.state] ?? "Not categorised";
  $("standing").textContent = standing();
  $("accept").hidden = !guess() || picture.label === guess();
  $("accept").textContent = guess() ? `It is ${guess()}` : "";
  $("remove").hidden = !picture.label;
  $("account").replaceChildren(...account(history).map((line) => h("li", {}, line)));
}

function standing() {
  if (picture.label) return `said ${picture.label_by ?? "a person"}`;
  if (picture.category) return picture.confidence === null ? "said the model" : `said the model, ${percent(picture.confidence)} sure`;
  return picture.best ? `perhaps ${picture.best}` : picture.reason ?? "";
}

function account(history) {
  const lines = history.inputs.map((input) => {
    const what = input.outcome === "stored" ? `Ingested from ` : `Seen again at `;
    return [what, h("bdi", {}, input.source), `, ${bytes(input.size)}, on ${date(input.at)}`];
  });
  for (const one of history.said) {
    const result = one.name === "category" ? "" : ` as “${one.name}”`;
    if (one.by) lines.push([`Categorised${result} by `, h("bdi", {}, one.by), one.version === null ? "" : `, from version ${number(one.version)} of the corpus`, `: ${one.category ?? one.state}`]);
  }
  if (history.label) lines.push([`Labelled “${history.label}” by ${history.label_by} on ${date(history.label_at)}`]);
  return lines;
}

function step(way) {
  return () => {
    const link = $(way);
    if (!link) return false;
    location.assign(link.href);
    return true;
  };
}

const own = controls(viewer, document);
keys("Looking into it", own);
keys("Picture", {
  ArrowRight: ["next picture of the list", step("after")],
  ArrowLeft: ["picture before", step("before")],
  Escape: ["to the list", () => $("to-list").click()],
  l: ["say what it shows", () => field.focus()],
  a: ["it is what the model says", () => ($("accept").hidden ? false : $("accept").click())],
  u: ["undo", () => { labelling.undo().catch(() => {}); }],
  m: ["more like this one", () => (about.embedded ? location.assign(`/c/${encodeURIComponent(about.corpus)}?like=${picture.id}`) : false)],
});
$("accept").addEventListener("click", () => say(guess()));
$("remove").addEventListener("click", () => say(null));
$("undo").addEventListener("click", () => labelling.undo().catch(() => {}));

show(data("history"));
if (about.embedded) alike();
copies();
for (const way of ["before", "after"]) preload($(way));

async function alike() {
  const found = await api(`${path}/similar`, { params: { k: 12 }, quiet: true }).catch(() => ({ items: [] }));
  $("alike").hidden = !found.items.length;
  $("alike-tiles").replaceChildren(...found.items.map((one) => smallTile(about.corpus, one, one.similarity.toFixed(3))));
}

/* While they are looked for the server says how far that is: it is asked again until it knows. */
async function copies() {
  try {
    const found = await api(`${path}/duplicates`, { quiet: true });
    $("copies").hidden = !found.total;
    $("copies-told").textContent = found.total > found.items.length ? `The largest ${number(found.items.length)} of ${number(found.total)}.` : "";
    $("copies-tiles").replaceChildren(...found.items.map((one) => smallTile(about.corpus, one, `${number(one.width)} × ${number(one.height)}`)));
  } catch (error) {
    $("copies").hidden = false;
    $("copies-told").textContent = error.message;
    if (error.status === 409) setTimeout(copies, 2000);
  }
}

/* The neighbours in the list are fetched when this one is there: a step shows them at once. */
function preload(link) {
  if (!link) return;
  const ahead = () => { new Image().src = link.dataset.image; };
  if ($("image").complete) ahead();
  else $("image").addEventListener("load", ahead, { once: true });
}
