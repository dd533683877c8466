/* The gallery: the address says what is looked at, and everything on the page follows it. */
import { data, h, number } from "./eye.js";
import { Actions } from "./gallery-actions.js";
import { Filters, nothing } from "./gallery-filters.js";
import { Grid, SIZES } from "./gallery-grid.js";
import { Histogram } from "./gallery-histogram.js";
import { Pages } from "./gallery-pages.js";
import { Search } from "./gallery-search.js";
import { Address, listing, same, searched, write } from "./gallery-state.js";
import { Thumbs } from "./gallery-thumbs.js";
import { blank, drawn, skeleton } from "./gallery-tile.js";

const $ = (id) => document.getElementById(id);
const about = data("about");
const here = `/c/${encodeURIComponent(about.corpus)}`;
const wide = matchMedia("(width >= 70rem)");

const address = new Address(show);
const go = (changes) => address.go(changes);
const thumbs = new Thumbs(about.corpus);
const search = new Search(about.corpus, about.embedded, go);
const panel = new Filters(about.corpus, about.states, search, go);
const histogram = new Histogram(about.corpus, about.columns, go);
let pages = null;
let returned = performance.getEntriesByType("navigation")[0]?.type === "back_forward"; // to go on with the same picture
let opened = false; // whether the list in the grid is the one that the address asks for

const grid = new Grid($("scroller"), $("grid"), {
  tile: (index) => fill(blank(index)),
  gone: (cell) => { if (cell.querySelector("img")) thumbs.forget(cell.querySelector("img")); },
  wanted: (first, end) => pages?.want(first, end),
  moved: (index) => { if (opened) address.note(index); },
});
const actions = new Actions({ about, grid, search, address, pages: () => pages, picture: (index) => pages?.item(index), href, redraw, reopen });

/* The picture's page knows what it was found by, and where: it leads on from there, and back. */
function href(index) {
  const picture = pages.item(index);
  return `${here}/p/${picture.id}${write({ ...address.state, at: String(index) }, { version: pages.version })}`;
}

function fill(cell) {
  const index = Number(cell.dataset.index);
  const picture = pages?.item(index);
  if (!picture) {
    skeleton(cell);
    return cell;
  }
  const img = drawn(cell, picture, href(index), about.embedded);
  thumbs.show(img, picture, pages.version);
  actions.mark(cell, picture);
  return cell;
}

function redraw() {
  for (const cell of grid.cells()) if (pages?.item(Number(cell.dataset.index))) fill(cell);
}

function show(state, before) {
  $("size").value = SIZES[state.size] ? state.size : "";
  sorting(state);
  search.show(state);
  panel.show(state);
  if (!before || !same(listing(state), listing(before))) open(state);
  else {
    if (state.size !== before.size) grid.show(grid.total, Number(state.at ?? 0), SIZES[state.size] ?? SIZES.medium);
    else if (state.at !== before.at) grid.show(grid.total, Number(state.at ?? 0));
    details();
  }
}

/* Another list. What is in sight stays, dimmed, until it is there; at first there are skeletons. */
function open(state, version = null) {
  pages?.close();
  opened = false;
  $("grid").setAttribute("aria-busy", "true");
  const next = new Pages(about.corpus, listing(state), { arrived, failed });
  next.version = version;
  if (pages?.total) {
    $("grid").classList.add("stale");
  } else {
    $("scroller").hidden = false;
    $("nothing").hidden = true;
    grid.show(Math.max(1, about.rows), Math.min(Number(state.at ?? 0), about.rows), SIZES[state.size] ?? SIZES.medium);
  }
  pages = next;
  const at = Number(state.at ?? 0);
  next.want(at, at + 1);
}

function reopen() {
  open(address.state);
}

function arrived(first, end, from) {
  if (from !== pages) return;
  $("renew").hidden = from.newest === from.version;
  if (!opened) begin(first, end);
  else if (grid.total !== from.total) grid.show(from.total, Number(address.state.at ?? 0));
  else for (let index = first; index < end; index += 1) refill(index);
}

function refill(index) {
  const cell = grid.cell(index);
  if (cell) fill(cell);
}

function begin() {
  opened = true;
  const at = Math.min(Number(address.state.at ?? 0), Math.max(0, pages.total - 1));
  $("grid").classList.remove("stale");
  $("grid").setAttribute("aria-busy", "false");
  $("scroller").hidden = pages.total === 0;
  $("nothing").hidden = pages.total > 0;
  actions.forget();
  if (pages.total === 0) empty();
  grid.show(pages.total, at, SIZES[address.state.size] ?? SIZES.medium);
  if (returned) grid.focus(at);
  returned = false;
  told();
  setTimeout(details, 100);
}

function told() {
  const { state } = address;
  document.title = document.title.replace(/^[\d,]+ |^/, `${number(pages.total)} `);
  const all = `${number(pages.total)} ${pages.total === 1 ? "picture" : "pictures"}`;
  const how = searched(state) && !state.sort ? ", the best first" : "";
  $("count").textContent = all + how;
}

/* What is counted beside the list comes after it, and after its thumbnails. */
function details() {
  if (!opened || $("filters").hidden) return;
  panel.count(address.state);
  histogram.show(address.state, pages.version);
}

function empty() {
  const asked = Object.keys(listing(address.state)).some((name) => !["sort", "descending", "name"].includes(name));
  $("nothing").replaceChildren(...(asked
    ? [h("h2", {}, "No picture fits"), h("p", {}, "Take away a part of what is asked for, above, or all of it."), h("button", { type: "button", onclick: () => go(nothing()) }, "Show all pictures")]
    : [h("h2", {}, "No pictures yet"), h("p", {}, "Add some at the page ", h("a", { href: "/jobs?start=ingest" }, "Jobs"), ", or at a terminal: ", h("code", {}, "eye ingest FOLDER CORPUS"))]));
}

function failed(error, from) {
  if (from !== pages) return;
  if (opened) { // a part of a list that is there: the rest can still be looked at
    $("count").textContent = error.message;
    return;
  }
  pages = null; // nothing more is asked for until somebody does
  $("grid").classList.remove("stale");
  $("scroller").hidden = true;
  $("nothing").hidden = false;
  $("count").textContent = "No list";
  $("nothing").replaceChildren(
    h("h2", {}, error.status === 0 ? "No connection" : "This cannot be shown"),
    h("p", { class: "wrong", role: "alert" }, error.message),
    h("div", { class: "row" },
      h("button", { type: "button", class: "primary", onclick: reopen }, "Try again"),
      Object.keys(listing(address.state)).length ? h("button", { type: "button", onclick: () => go({ ...nothing(), sort: undefined, descending: undefined, name: undefined }) }, "Show all pictures") : null));
}

/* Sorting: a search has an order of its own. */
const SORTS = [["category", "Category"], ["confidence", "Confidence"], ["taken_at", "Time taken"], ["pixels", "Pixels"], ["bytes", "Bytes"], ["duplicates", "Near-duplicates"]];
function sorting(state) {
  const names = new Set(about.columns.map((one) => one.name));
  const known = SORTS.filter(([name]) => names.has(name) || (name === "confidence" && names.has(`${state.name ?? "category"}_confidence`)));
  const rest = about.columns.filter((one) => !one.derived && !SORTS.some(([name]) => name === one.name)).map((one) => [one.name, one.name.replaceAll("_", " ")]);
  const option = ([value, text]) => h("option", { value }, text);
  $("sort").replaceChildren(
    ...[["", searched(state) ? "Best first" : "As ingested"], ...(searched(state) ? [["ingested", "As ingested"]] : []), ...known].map(option),
    h("optgroup", { label: "Other columns" }, rest.map(option)));
  $("sort").value = state.sort ?? "";
  $("direction").setAttribute("aria-pressed", String(state.descending === "true"));
  $("direction").disabled = searched(state) && !state.sort;
}

$("sort").addEventListener("change", () => {
  const sort = $("sort").value;
  go({ sort, descending: ["taken_at", "pixels", "bytes", "confidence", "duplicates"].includes(sort) && sort !== "duplicates" ? "true" : undefined });
});
$("direction").addEventListener("click", () => go({ descending: address.state.descending === "true" ? undefined : "true" }));
$("size").addEventListener("change", () => go({ size: $("size").value, at: String(grid.first() || "") }));
$("renew").addEventListener("click", () => {
  $("renew").hidden = true;
  reopen();
});

function fold(open) {
  const held = $("filters").contains(document.activeElement);
  $("filters").hidden = !open;
  $("filters-switch").setAttribute("aria-expanded", String(open));
  if (!open && held) $("filters-switch").focus();
  details();
}
$("filters-switch").addEventListener("click", () => {
  fold($("filters").hidden);
  if (!$("filters").hidden && !wide.matches) $("filters-close").focus();
});
$("filters-close").addEventListener("click", () => fold(false));
$("filters").addEventListener("keydown", (event) => { if (event.key === "Escape") fold(false); });
fold(wide.matches);
show(address.state, null);
