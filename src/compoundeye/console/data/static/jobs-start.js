/* The forms that start a job. The server checks everything again and says what is wrong in a sentence. */
import { api, data, h, keys, number } from "./eye.js";

const setup = data("setup-data");
const HINTS = {
  labels: "The model's own labels; of a doubtful one, the most telling category that is sure enough.",
  examples: "Your own categories, by a few pictures of each.",
  corrections: "Your own categories, learnt from what people have corrected in this corpus.",
  words: "Your own categories in words, for models that read text.",
};

export function prepare() {
  const ingest = form("ingest", ingestBody);
  const categorise = form("categorise", categoriseBody);
  document.querySelectorAll(".places").forEach(browse);
  ways(categorise);
  keys("Jobs", { a: ["add pictures", ingest.open], c: ["categorise", categorise.open] });
  const asked = new URLSearchParams(location.search);
  const wanted = { ingest, categorise }[asked.get("start")];
  if (wanted) wanted.open();
}

function form(name, body) {
  const dialog = document.getElementById(name);
  const inside = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  const open = () => { if (!document.getElementById(`start-${name}`).disabled) dialog.showModal(); };
  document.getElementById(`start-${name}`).addEventListener("click", open);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  inside.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    const button = event.submitter ?? inside.querySelector(".primary");
    button.disabled = true;
    try {
      const job = await api("jobs", { method: "POST", body: body(inside.elements), quiet: true });
      location.assign(`/jobs/${job.id}`);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      button.disabled = false;
    }
  });
  return { open, inside };
}

const whole = (field) => (field.value ? Number(field.value) : null);

function ingestBody(fields) {
  return {
    kind: "ingest", corpus: fields.corpus.value, sources: [fields.source.value.trim()],
    retry_failed: fields.retry_failed.checked, workers: whole(fields.workers),
  };
}

function categoriseBody(fields) {
  const way = fields.way.value;
  return {
    kind: "categorise", corpus: fields.corpus.value, way, model: fields.model.value, name: fields.name.value.trim(),
    examples: way === "examples" ? fields.examples.value.trim() || null : null,
    use_corrections: way === "examples" && fields.use_corrections.checked,
    categories: way === "words" ? fields.categories.value.split(/[\n,]/).map((one) => one.trim()).filter(Boolean) : [],
    precision: whole(fields.precision), calibrate: (way === "labels" || way === "words") && fields.calibrate.checked,
    replace_embeddings: fields.replace_embeddings.checked, workers: whole(fields.workers),
  };
}

/* Only models that can go the chosen way, and only the fields that it needs. */
function ways({ inside }) {
  const model = inside.elements.model;
  const fits = { labels: (one) => one.labels, words: (one) => one.text, examples: () => true, corrections: () => true };
  const about = () => {
    const one = setup.models.find((row) => row.name === model.value);
    const fetched = one && !one.present ? ` It is fetched when it is first used (${number(one.megabytes)} MB).` : "";
    document.getElementById("model-hint").textContent = one ? `${one.metric}.${fetched}` : "No model of the catalogue can do that.";
  };
  let wanted = new URLSearchParams(location.search).get("model"); // what somebody chose; where that does not fit, the default or one that is here already
  const choose = () => {
    const way = inside.elements.way.value;
    const fitting = setup.models.filter(fits[way]);
    const named = (name) => fitting.find((one) => one.name === name);
    const best = named(wanted) ?? named(setup.default_model) ?? fitting.find((one) => one.present) ?? fitting[0];
    document.getElementById("way-hint").textContent = HINTS[way];
    model.replaceChildren(...fitting.map((one) => h("option", { value: one.name, selected: one === best }, one.name)));
    inside.querySelectorAll("[data-way]").forEach((field) => { field.hidden = !field.dataset.way.split(" ").includes(way); });
    about();
  };
  inside.querySelectorAll("[name=way]").forEach((one) => one.addEventListener("change", choose));
  model.addEventListener("change", () => { wanted = model.value; about(); });
  choose();
}

/* Folders of the server, one level at a time, under the field that they fill. */
function browse(place) {
  const input = document.getElementById(place.dataset.for);
  if (!setup.roots.length) return;
  const entry = (text, path) => h("button", { type: "button", onclick: () => show(path, true) }, text);
  async function show(path, chosen) {
    const found = await api("jobs/places", { params: { path }, quiet: !chosen }).catch(() => null);
    if (!found) return;
    if (chosen && found.path) input.value = found.path;
    const up = found.path === null ? [] : [entry("↑ up", found.parent)];
    const names = found.folders.map((name) => (found.path === null ? entry(name, name) : entry(name, `${found.path === "/" ? "" : found.path}/${name}`)));
    const files = found.path === null ? [] : [h("p", { class: "hint" }, `${number(found.files)} files here${found.more ? "; more folders than are shown" : ""}`)];
    place.replaceChildren(...up, ...names, ...files);
    place.hidden = false;
    if (chosen) place.querySelector("button")?.focus();
  }
  show(setup.roots.length === 1 ? setup.roots[0] : null, false);
}
