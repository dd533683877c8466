/* A plan as tables: the best layouts, memory, a step, the training, failures, pictures; and a run beside its plan. */
import { bytes, duration, h, number, percent, say } from "./eye.js";

const SMALL = 0.0005; // share of a whole below which a part is not shown
const DEGREES = ["replicate", "shard", "tensor", "pipeline", "chunks", "context", "expert", "accumulate"];
const KEPT = { none: "keep all", selective: "recompute cheap", full: "recompute all" };
const DAY = 86_400;

const card = (title, ...children) => {
  const id = `h-${title.replaceAll(/\W+/g, "-").toLowerCase()}`;
  return h("section", { class: "card stack", "aria-labelledby": id }, h("h2", { id, tabindex: -1 }, title), children);
};
const few = (value, digits = 3) => (value === null || value === undefined ? "-" : Math.abs(value) >= 100 ? number(Math.round(value)) : Number(value.toPrecision(digits)).toString());
const seconds = (value) => (value >= 60 ? duration(value) : `${few(value, 4)} s`);
const share = (value) => percent(value, 1);
const figures = (rows) => h("dl", { class: "figures" }, rows.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
const facts = (rows) => h("dl", { class: "facts" }, rows.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

function table(label, heads, rows, kind = "") {
  const cells = (row, place) => row.map((cell, at) => h(at ? "td" : "th", { scope: at ? null : "row", class: heads[at].startsWith("#") ? "num" : "" }, cell));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${label}, a table` },
    h("table", { class: `data ${kind}` }, h("thead", {}, h("tr", {}, heads.map((one) => h("th", { scope: "col", class: one.startsWith("#") ? "num" : "" }, one.replace("#", ""))))),
      h("tbody", {}, rows.map((row) => h("tr", { class: row.chosen ? "chosen-row" : null }, cells(row))))));
}

/* Parts of a whole with bars; what is too small to be seen is left out, the whole stands below. */
function parted(label, parts, unit, told, after = []) {
  const whole = parts.reduce((sum, one) => sum + one.value, 0);
  const most = Math.max(...parts.map((one) => one.value), 1e-30);
  const rows = parts.filter((one) => one.value > SMALL * whole).map((one) => h("tr", {},
    h("th", { scope: "row" }, one.name), h("td", { class: "num" }, told(one.value)), h("td", { class: "num" }, share(one.value / whole)),
    h("td", {}, h("span", { class: "bar-in", style: { width: `${(100 * one.value) / most}%` } }))));
  const foot = [["all", whole], ...after].map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "num" }, told(value)), h("td"), h("td")));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${label}, a table` }, h("table", { class: "data parted" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Part"), h("th", { scope: "col", class: "num" }, unit), h("th", { scope: "col", class: "num" }, "Share"), h("td"))),
    h("tbody", {}, rows), h("tfoot", {}, foot)));
}

function layout(plan) {
  const words = DEGREES.filter((name) => plan[name] > 1).map((name) => `${name} ${number(plan[name])}`);
  if (plan.pipeline > 1) words.push(`microbatches ${number(Math.max(plan.microbatches, plan.pipeline))}`);
  return [...words, KEPT[plan.activation_checkpointing] ?? plan.activation_checkpointing].join(", ");
}

function terms(list) {
  const box = h("details", {}, h("summary", {}, `Formula and source of each of ${number(list.length)} figures`));
  box.addEventListener("toggle", () => {
    if (box.children.length > 1) return;
    const wrap = (text) => h("span", { class: "wraps" }, text || "-");
    box.append(table("Figures", ["Figure", "#Value", "Unit", "Kind", "Formula", "Source"], list.map((one) => [h("code", {}, one.key), few(one.value, 5), one.unit, one.kind, wrap(one.formula), wrap(one.source)])));
    for (const cell of box.querySelectorAll("span.wraps")) cell.parentElement.classList.add("wraps");
  });
  return box;
}

function compared(plan) {
  if (plan.compared.length < 2) return null;
  const cost = plan.compared.some((one) => one.cost !== null);
  const rows = plan.compared.map((one) => {
    const row = [number(one.gpus), few(one.days), few(one.gpu_hours), share(one.mfu), share(one.goodput), `${few(one.watts / 1e6)} MW`, ...(cost ? [few(one.cost)] : [])];
    row.chosen = one.gpus === plan.gpus;
    return row;
  });
  return card("Numbers of GPUs", table("Numbers of GPUs", ["GPUs", "#Days", "#GPU-hours", "#MFU", "#Goodput", "#Power", ...(cost ? ["#Cost"] : [])], rows), h("p", { class: "hint" }, "The marked one is shown below."));
}

/* Remarks are written for a terminal: options are fields here. */
const remark = (text) => {
  const plain = text.replace(/: --[a-z-]+[^)]*$/, "").replace(/ unless --set says otherwise/, ", unless settings above say otherwise").replace(/ unless --storage says otherwise/, "");
  return `${plain[0].toUpperCase()}${plain.slice(1)}.`;
};

export function showPlan(place, plan) {
  const where = plan.nodes > 1 ? `${number(plan.gpus)} ${plan.gpu} in ${number(plan.nodes)} nodes, ${plan.network} between them` : `${number(plan.gpus)} ${plan.gpu} in one node`;
  const best = plan.layouts[0];
  const { goodput, data, checkpoint } = plan;
  place.replaceChildren(...[
    card(`${plan.model} on ${where}`,
      figures([
        ["Days", few(plan.days)], ["GPU-hours", few(plan.gpu_hours)], plan.cost === null ? null : ["Cost", few(plan.cost)], ["Pictures/s", few(plan.pictures_per_s)],
        ["MFU", share(plan.mfu)], ["Goodput", share(goodput.fraction)], ["Memory of a GPU", bytes(best.memory_bytes)], ["Power", `${few(plan.watts / 1e6)} MW`],
      ]),
      h("p", { class: "faint" }, `${plan.parameters >= 1e9 ? `${few(plan.parameters / 1e9)} billion` : `${few(plan.parameters / 1e6)} million`} parameters, ${number(plan.classes)} classes, batches of ${number(plan.batch)}; ${number(plan.pictures)} pictures in ${number(plan.steps)} steps${plan.epochs === null ? "" : `, ${few(plan.epochs)} epochs`}.`),
      plan.remarks.length ? h("ul", { class: "remarks small" }, plan.remarks.map((one) => h("li", {}, remark(one)))) : null),
    compared(plan),
    card("Layouts", h("p", { class: "faint small" }, plan.considered === 1 ? "One layout was judged, as asked." : `${number(plan.considered)} layouts were considered; the fastest that fit:`),
      table("Layouts", ["Layout", "#s a step", "#MFU", "#Pictures/s", "#Of a GPU", "#Free"], plan.layouts.map((one) => [layout(one.plan), few(one.step_s, 4), share(one.mfu), few(one.pictures_per_s), bytes(one.memory_bytes), bytes(one.free_bytes)]))),
    h("div", { class: "beside-each" },
      card("Memory of a GPU", parted("Memory of a GPU", plan.memory, "GB", (value) => (value / 1e9).toFixed(2), [["left free", best.free_bytes]])),
      card("One step", parted("One step", plan.step, "s", (value) => value.toFixed(4)))),
    plan.picture ? card("A step as a picture", h("div", { class: "scroll paper", tabindex: 0, role: "region", "aria-label": "The picture" }, h("img", { src: plan.picture, alt: "What each stage does during a step, and below it what a GPU holds meanwhile; the two tables above have the same as figures" }))) : null,
    h("div", { class: "beside-each" },
      card("Failures", facts([
        ["between failures", `${duration(goodput.between_failures_s)}, by the rates of ${goodput.by}`],
        ["goodput", `${share(goodput.fraction)} (${share(goodput.low)} to ${share(goodput.high)}), ${goodput.spares === 1 ? "one spare node" : `${number(goodput.spares)} spare nodes`}`],
        ["checkpoint", `${bytes(checkpoint.bytes)}, written in ${seconds(checkpoint.write_s)} beside the training`],
        ["saved every", `${seconds(checkpoint.every_s)}, ${number(checkpoint.every_steps)} steps`],
        ...goodput.lost.filter((one) => one.value > SMALL).map((one) => [`lost by ${one.name}`, `${share(one.value)}${plan.gpu_hours === null ? "" : `, ${few(one.value * plan.gpu_hours)} GPU-hours`}`]),
      ])),
      card("Pictures", facts([
        ["wanted", `${few(data.wanted_per_s)} pictures/s`],
        ...data.limits.map((one) => [`${one.name} can give`, `${few(one.value)} pictures/s${one.name === data.bound ? ", the least" : ""}`]),
        ["cores of a GPU", `${few(data.cores_per_gpu)} needed, ${few(data.cores_per_gpu_given)} are there`],
        ["a node reads", `${bytes(Math.round(data.bytes_per_s_node))}/s`],
        ["all pictures", `${bytes(Math.round(data.corpus_bytes))}, ${data.fits_on_disks ? "fit" : "do not fit"} on a node's disks`],
        data.requests ? ["requests to the store", few(data.requests)] : null,
      ])),
      card("Time and power", facts([
        ["without failures", `${few(plan.days_without_failures)} days`], ["with failures", `${few(plan.days)} days`],
        ["energy", plan.kilowatt_hours === null ? "-" : `${few(plan.kilowatt_hours / 1000)} MWh, cooling not counted`],
      ]))),
    card("Go on with it",
      h("pre", { tabindex: 0 }, `${plan.command} -o plan.toml -o plan.png`),
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => save(plan.recipe) }, "Save the recipe"), h("p", { class: "hint" }, "What eye train takes: settings, with the best layout.")),
      h("details", {}, h("summary", {}, "The recipe"), h("pre", { tabindex: 0 }, plan.recipe)), terms(plan.terms)),
  ].filter(Boolean));
}

function save(text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/toml" })), download: "plan.toml" });
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(link.href);
  say("plan.toml was saved", { kind: "good" });
}

const NAMES = {
  "time.step": "a step", "time.step.waiting": "of it waiting for pictures", pictures: "pictures", mfu: "MFU", "memory.peak": "memory at the peak", "time.whole": "the whole run",
  "share.waiting": "time waiting for pictures", "share.validating": "time validating", "share.saving": "time saving", "share.started_and_repeated": "time starting and repeating",
};

function told(value, unit) {
  if (value === null) return "-";
  if (unit === "bytes") return bytes(Math.round(value));
  if (unit === "1") return share(value);
  if (unit === "s") return seconds(value);
  return `${few(value, 4)} ${unit}`;
}

export function showActual(place, found) {
  const rows = found.rows.filter((one) => one.planned !== null || one.measured !== null).map((one) => [h("span", { title: one.source }, NAMES[one.key] ?? one.key), told(one.planned, one.unit), told(one.measured, one.unit), one.ratio === null ? "-" : h("span", { class: one.ratio > 1.25 || one.ratio < 0.8 ? "off-plan" : "" }, few(one.ratio))]);
  place.replaceChildren(card(`${found.run} beside its plan`,
    h("p", { class: "faint" }, `${found.state}, step ${number(found.step)}${found.steps === null ? "" : ` of ${number(found.steps)}`}, ${number(found.processes)} x ${found.accelerator}.`),
    table("Planned and measured", ["Figure", "#Planned", "#Measured", "#Measured / planned"], rows),
    found.remarks.length ? h("ul", { class: "remarks small" }, found.remarks.map((one) => h("li", {}, remark(one)))) : null,
    h("p", {}, h("a", { href: `/runs/${encodeURIComponent(found.run)}` }, "The run")), terms(found.terms)));
}
