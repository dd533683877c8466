/* The form of a plan: what it says stands in the address, so that a plan can be shared; answers come from the planner. */
import { api, data, later } from "./eye.js";
import { showActual, showPlan } from "./plan-answer.js";

const options = data("options");
const form = document.getElementById("plan");
const $ = (id) => document.getElementById(id);
const NUMBERS = ["epochs", "pictures_total", "tokens", "pictures", "classes", "picture_bytes", "spares", "price", "most"];
const WORDS = ["model", "run", "gpu", "network", "storage", "store", "reliability", "by", "layout"];
let current = null; // id of the question that is being answered

function usual(control) {
  if (control.tagName === "SELECT") return [...control.options].find((one) => one.defaultSelected)?.value ?? control.options[0]?.value ?? "";
  return control.defaultValue;
}

function fill() {
  const given = new URLSearchParams(location.search);
  for (const name of [...NUMBERS, ...WORDS, "gpus", "change"]) {
    const control = form.elements[name];
    control.value = given.get(name) ?? usual(control);
  }
  form.elements.elastic.checked = given.get("elastic") === "true";
  const inside = [...given.keys()].some((name) => form.elements[name]?.closest?.("#more"));
  if (inside) $("more").open = true;
  either();
}

/* A run brings its own network. */
function either() {
  const run = form.elements.run.value;
  form.elements.model.disabled = Boolean(run);
  $("beside").hidden = !run;
}

function body() {
  const { elements } = form;
  const found = { gpus: elements.gpus.value.split(/[\s,]+/).filter(Boolean).map(Number), elastic: elements.elastic.checked };
  found.change = elements.change.value.split("\n").map((one) => one.trim().replace(/\s*=\s*/, "=")).filter(Boolean);
  for (const name of WORDS) if (elements[name].value.trim() && !elements[name].disabled) found[name] = elements[name].value.trim();
  for (const name of NUMBERS) if (elements[name].value) found[name] = Number(elements[name].value);
  return found;
}

function keep(kind) {
  const address = new URLSearchParams();
  for (const name of [...WORDS, "gpus", ...NUMBERS, "change"]) {
    const control = form.elements[name];
    if (!control.disabled && control.value !== usual(control)) address.set(name, control.value);
  }
  if (form.elements.elastic.checked) address.set("elastic", "true");
  address.set("show", kind);
  const text = `?${address}`;
  if (text !== location.search) history.pushState(null, "", text);
}

async function ask(kind) {
  if (kind === "plan" && !form.reportValidity()) return;
  keep(kind);
  $("problem").hidden = true;
  busy(true);
  const mine = {};
  current = mine;
  try {
    const wanted = kind === "plan" ? body() : { run: form.elements.run.value };
    let told = await api(kind === "plan" ? "plan" : "plan/actual", { method: "POST", body: wanted, quiet: true });
    mine.id = told.id;
    const began = Date.now();
    while (current === mine && (told.state === "waiting" || told.state === "running")) {
      $("working").textContent = told.state === "waiting" ? "Others are planned first." : `Planning, ${Math.round((Date.now() - began) / 1000)} s. The first takes longer, and many GPUs a minute.`;
      told = await api(`plan/${told.id}`, { params: { wait: 2 }, quiet: true });
    }
    if (current !== mine) return;
    if (told.state === "done") show(told);
    else if (told.state === "failed") problem(told.error);
    else $("working").textContent = "Stopped.";
  } catch (error) {
    if (current === mine) problem(error.message);
  } finally {
    if (current === mine) busy(false);
  }
}

function show(told) {
  $("working").textContent = "";
  if (told.actual) showActual($("answer"), told.actual);
  else showPlan($("answer"), told.plan);
  $("answer").querySelector("h2")?.focus({ preventScroll: false });
}

function problem(text) {
  $("working").textContent = "";
  $("problem").textContent = text[0].toUpperCase() + text.slice(1);
  $("problem").hidden = false;
}

function busy(yes) {
  $("go").disabled = $("beside").disabled = yes;
  $("stop").hidden = !yes;
  $("answer").setAttribute("aria-busy", yes);
  if (!yes) current = null;
}

form.addEventListener("submit", (event) => { event.preventDefault(); ask("plan"); });
$("beside").addEventListener("click", () => ask("actual"));
$("stop").addEventListener("click", async () => {
  if (current?.id) await api(`plan/${current.id}`, { method: "DELETE" }).catch(() => null);
});
form.elements.run.addEventListener("change", either);
form.addEventListener("input", later(() => { $("problem").hidden = true; }, 50));
addEventListener("popstate", begin);

function begin() {
  fill();
  const asked = new URLSearchParams(location.search);
  const kind = asked.get("show") ?? (asked.get("run") ? "actual" : null);
  if (kind && options.possible) ask(kind === "actual" && asked.get("run") ? "actual" : "plan");
}

begin();
