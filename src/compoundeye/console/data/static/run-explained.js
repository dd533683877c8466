/* What the last validation says: classes with intervals, the confusion matrix, and the worst mistakes as pictures. */
import { api, h, number, percent } from "./eye.js";
import { figure, part } from "./runs-view.js";

const FIRST_CLASSES = 30;
const FIRST_TILES = 24;
const $ = (id) => document.getElementById(id);

let found = null;
let sort = { by: "recall", up: true };
let all = false;
let shown = [];
let base = "";
let pair = null; // [target, predicted] of the mistakes that are shown; null: all

export async function explain(address) {
  base = address;
  try {
    found = await api(`${base}/explanation`, { params: { mistakes: 0 }, quiet: true });
  } catch (error) {
    $("right").textContent = error.message;
    return;
  } finally {
    $("explained").removeAttribute("aria-busy");
  }
  const [low, high] = found.accuracy_interval;
  $("right").textContent = `${part(found.accuracy)} of ${number(found.pictures)} pictures right; 95 % interval ${part(low)} to ${part(high)}.`;
  classes();
  matrix();
  $("more-mistakes").onclick = () => mistakes(true);
  await mistakes();
}

function share(value, interval, name) {
  if (value === null) return h("span", { class: "faint" }, "-");
  const bar = h("span", { class: "interval", role: "img", "aria-label": `${name} between ${part(interval[0])} and ${part(interval[1])}`, title: `${part(interval[0])} to ${part(interval[1])}` },
    h("span", { class: "range", style: { left: `${100 * interval[0]}%`, width: `${100 * (interval[1] - interval[0])}%` } }),
    h("span", { class: "share-at", style: { left: `${100 * value}%` } }));
  return h("span", { class: "shared" }, h("span", { class: "num" }, part(value)), bar);
}

function classes() {
  const table = $("classes");
  const value = (row) => row[sort.by] ?? (sort.up ? Infinity : -Infinity);
  const rows = [...found.classes].sort((one, other) => (sort.up ? value(one) - value(other) : value(other) - value(one)) || one.name.localeCompare(other.name));
  table.hidden = false;
  for (const head of table.querySelectorAll("th[data-by]")) {
    if (head.dataset.by === sort.by) head.setAttribute("aria-sort", sort.up ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
    head.querySelector("button").onclick = () => {
      sort = { by: head.dataset.by, up: head.dataset.by === sort.by ? !sort.up : true };
      classes();
    };
  }
  table.querySelector("tbody").replaceChildren(...rows.slice(0, all ? rows.length : FIRST_CLASSES).map((row) => h("tr", {},
    h("th", { scope: "row" }, row.name), h("td", { class: "num" }, number(row.pictures)),
    h("td", {}, share(row.recall, row.recall_interval, "recall")), h("td", {}, share(row.precision, row.precision_interval, "precision")),
    h("td", {}, row.taken_for ? h("button", { type: "button", class: "quiet", "aria-label": `${row.name} taken for ${row.taken_for}: show mistakes`, onclick: () => only([row.name, row.taken_for]) }, row.taken_for) : "-"))));
  const button = $("all-classes");
  button.hidden = rows.length <= FIRST_CLASSES || all;
  button.textContent = `All ${number(rows.length)} classes`;
  button.onclick = () => { all = true; classes(); };
}

function matrix() {
  const { names, counts, classes: whole } = found.matrix;
  $("matrix-note").textContent = whole > names.length
    ? `Of ${number(whole)} classes those ${number(names.length)} that are taken for each other most. Rows are what is shown, columns what it was taken for.`
    : "Rows are what is shown, columns what it was taken for.";
  const sums = counts.map((row) => row.reduce((sum, one) => sum + one, 0));
  const worst = Math.max(1e-9, ...counts.flatMap((row, at) => row.map((count, to) => (at !== to && sums[at] ? count / sums[at] : 0))));
  const cell = (row, column) => {
    const count = counts[row][column];
    const whole = sums[row];
    const part = whole ? count / whole : 0;
    const right = row === column;
    // Mistakes are few beside what is right: the worst kind is as strong as can be, and colour grows with the root.
    const depth = right ? part : Math.sqrt(part / worst);
    const element = h("td", { class: right ? "right" : "off", style: { "--share": `${Math.round(100 * depth)}%` }, title: `${names[row]} taken for ${names[column]}: ${number(count)} (${percent(part)})` });
    if (!count) return element;
    if (right) element.append(number(count));
    else element.append(h("button", { type: "button", tabindex: -1, onclick: () => only([names[row], names[column]]) }, number(count)));
    return element;
  };
  $("matrix").replaceChildren(
    h("thead", {}, h("tr", {}, h("td", { class: "corner" }, "shows \\ taken for"), names.map((name) => h("th", { scope: "col", title: name }, h("span", {}, name))))),
    h("tbody", {}, names.map((name, row) => h("tr", {}, h("th", { scope: "row", title: name }, name), names.map((_, column) => cell(row, column))))));
  $("pairs").replaceChildren(...found.confusions.slice(0, 12).map((one) => h("li", {},
    h("button", { type: "button", class: "quiet", onclick: () => only([one.target, one.predicted]) }, `${one.target} taken for ${one.predicted}: ${number(one.pictures)}`))));
}

async function only(chosen) {
  pair = chosen;
  await mistakes();
  $("mistakes-title").scrollIntoView({ block: "start" });
}

/* The first page, or with more: what comes after those that are shown. */
async function mistakes(more = false) {
  const params = { target: pair?.[0], predicted: pair?.[1], offset: more ? shown.length : 0, limit: FIRST_TILES };
  const asked = pair;
  const page = await api(`${base}/mistakes`, { params });
  if (asked !== pair) return;
  shown = more ? [...shown, ...page.items] : page.items;
  const kind = found.confusions.find((one) => pair && one.target === pair[0] && one.predicted === pair[1]);
  const wrong = pair ? (kind?.pictures ?? page.total) : found.pictures - found.right;
  $("only").replaceChildren(...(pair ? [`${pair[0]} taken for ${pair[1]}`, h("button", { type: "button", onclick: () => only(null) }, "Show all")] : []));
  if (more) $("mistakes").append(...page.items.map(tile));
  else $("mistakes").replaceChildren(...page.items.map(tile));
  $("more-mistakes").hidden = shown.length >= page.total;
  const notes = [wrong ? `${number(shown.length)} of ${number(wrong)}${pair ? " of this kind" : " mistakes"}, those of the highest loss.` : "There is none: every picture was answered rightly."];
  const away = [...new Set(shown.filter((one) => one.corpus === null).map((one) => one.corpus_path))];
  if (away.length) notes.push(`Pictures of ${away.join(", ")} can be seen when this console serves it: eye console CORPUS`);
  $("mistakes-note").textContent = notes.join(" ");
  $("mistakes-note").hidden = false;
}

function tile(one) {
  const gone = (text) => h("span", { class: "gone" }, text);
  const words = [h("span", { class: "what" }, `${one.target}, not ${one.predicted}`), h("span", { class: "how" }, `${percent(one.confidence, 0)} sure, loss ${figure(one.loss)}`)];
  if (!one.page) return h("div", { class: "tile", title: one.id }, gone(one.id.slice(0, 12)), words);
  const image = h("img", { src: one.thumbnail, alt: "", loading: "lazy", decoding: "async", onerror: () => image.replaceWith(gone("no longer in the corpus")) });
  return h("a", { class: "tile", href: one.page, title: `${one.target}, taken for ${one.predicted}` }, image, words);
}
