/* What became of every input of a corpus: the sum, failures page by page, and the versions. */
import { api, bytes, data, date, h, number, percent } from "./eye.js";

const PAGE = 50;
const about = data("about");
const base = `corpora/${encodeURIComponent(about.corpus)}`;
const $ = (id) => document.getElementById(id);
let [offset, reason, total] = [0, "", 0];

async function sums() {
  try {
    const found = await api(`${base}/account`, { quiet: true });
    const part = (sign, name, text) => h("div", { dataset: { sign } }, h("dt", {}, h("span", { class: `swatch ${name}`, "aria-hidden": "true" }), text), h("dd", {}, number(found[name])));
    $("sum").replaceChildren(
      h("div", {}, h("dt", {}, "Seen"), h("dd", {}, number(found.seen))), part("=", "stored", "Stored"), part("+", "duplicate", "Duplicate"), part("+", "failed", "Failed"));
    $("shares").replaceChildren(...["stored", "duplicate", "failed"].filter((name) => found[name]).map((name) => {
      const bar = h("span", { class: name, title: `${name}: ${percent(found[name] / found.seen)}` });
      bar.style.flexGrow = String(found[name]);
      return bar;
    }));
    $("sums-body").hidden = false;
    if (found.failed) {
      const asked = new URLSearchParams(location.search);
      reason = found.reasons.some((one) => one.reason === asked.get("reason")) ? asked.get("reason") : "";
      offset = Math.max(0, Math.floor(Number(asked.get("offset")) / PAGE) * PAGE) || 0;
      $("reason").replaceChildren(
        h("option", { value: "" }, `All reasons (${number(found.failed)})`),
        ...found.reasons.map((one) => h("option", { value: one.reason }, `${one.reason} (${number(one.inputs)})`)));
      $("reason").value = reason;
      $("failed").hidden = false;
      await failures();
    }
  } catch (error) {
    $("sums-error").textContent = error.message;
    $("sums-error").hidden = false;
  } finally {
    $("sums-wait").hidden = true;
    $("sums").removeAttribute("aria-busy");
  }
}

async function failures() {
  const found = await api(`${base}/failures`, { params: { reason, offset, limit: PAGE } });
  total = found.total;
  if (!found.items.length && offset) {
    offset = 0;
    await failures();
    return;
  }
  $("failed-rows").replaceChildren(...found.items.map((one) => h("tr", {}, h("td", { class: "wraps" }, one.source), h("td", { class: "wraps" }, one.reason), h("td", {}, date(one.at)))));
  $("failed-where").textContent = `${number(offset + 1)} to ${number(offset + found.items.length)} of ${number(total)}`;
  $("failed-back").disabled = offset === 0;
  $("failed-next").disabled = offset + PAGE >= total;
  const address = new URLSearchParams();
  if (reason) address.set("reason", reason);
  if (offset) address.set("offset", offset);
  history.replaceState(null, "", location.pathname + (address.size ? `?${address}` : ""));
}

function turn(to) {
  offset = Math.max(0, to);
  failures();
}

let listed = 0;
async function versions() {
  const found = await api(`${base}/versions`, { params: { offset: listed, limit: PAGE } });
  listed += found.items.length;
  $("versions-rows").append(...found.items.map((one) => h("tr", {},
    h("td", { class: "num" }, number(one.version)), h("td", {}, date(one.at)), h("td", {}, one.said || "-"),
    h("td", { class: "num" }, number(one.rows)), h("td", { class: "num" }, bytes(one.bytes)))));
  $("versions-more").hidden = listed >= found.total;
}

$("failed-back").addEventListener("click", () => turn(offset - PAGE));
$("failed-next").addEventListener("click", () => turn(offset + PAGE));
$("reason").addEventListener("change", () => { reason = $("reason").value; turn(0); });
$("versions-more").addEventListener("click", versions);
sums();
versions();
