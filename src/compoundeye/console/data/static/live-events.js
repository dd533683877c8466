/* What happened: the newest first, of one kind or all, with the picture that was kept. */
import { api, date, duration, h, number, query } from "./eye.js";
import { facts, named } from "./live-words.js";

const list = document.getElementById("events");
const none = document.getElementById("no-events");
const more = document.getElementById("more");
const choice = document.getElementById("kind");

const seconds = (iso) => `${date(iso)}:${String(new Date(iso).getSeconds()).padStart(2, "0")}`;

function row(base, one) {
  const lasted = one.end === null ? "lasts" : new Date(one.end) - new Date(one.start) > 500 ? duration((new Date(one.end) - new Date(one.start)) / 1000) : "";
  const address = (what) => `/api/v1/${base}/media?${query({ id: one.id, what })}`;
  const shot = one.media.includes("snapshot") ? h("a", { href: address("snapshot"), target: "_blank", rel: "noopener", class: "shot-link" },
    h("img", { class: "shot", src: address("snapshot"), loading: "lazy", alt: `${named(one.kind)} at ${seconds(one.start)}`, onerror: (event) => event.target.closest("a").remove() })) : null;
  const clip = one.media.includes("clip") ? h("video", { class: "shot", src: address("clip"), controls: true, preload: "none", "aria-label": `${named(one.kind)} at ${seconds(one.start)}` }) : null;
  return h("li", { dataset: { id: one.id } }, h("b", {}, named(one.kind)), h("span", { class: "when" }, [seconds(one.start), lasted].filter(Boolean).join(", ")), h("span", { class: "what" }, facts(one.facts)), shot, clip);
}

/* prepare("live/x/streams/y").look() asks again for the newest ones. */
export function prepare(base) {
  let next = null;
  let pages = 1;
  let shown = "";

  function kinds(counts) {
    const chosen = choice.value;
    const names = Object.keys(counts).sort();
    const text = JSON.stringify(counts);
    if (choice.dataset.shown === text) return;
    choice.dataset.shown = text;
    choice.replaceChildren(h("option", { value: "" }, "all"), ...names.map((name) => h("option", { value: name, selected: name === chosen }, `${named(name)} (${number(counts[name])})`)));
  }

  async function look() {
    try {
      const found = await api(`${base}/events`, { params: { kind: choice.value }, quiet: true });
      kinds(found.kinds);
      none.textContent = found.note || "Nothing has happened yet.";
      none.hidden = found.items.length > 0;
      none.classList.remove("wrong");
      const text = JSON.stringify(found.items);
      if (text === shown || pages > 1) return; // whoever reads further back is left in peace
      shown = text;
      list.replaceChildren(...found.items.map((one) => row(base, one)));
      next = found.next;
      more.hidden = next === null;
    } catch (error) {
      none.textContent = error.message;
      none.classList.add("wrong");
      none.hidden = false;
    }
  }

  choice.addEventListener("change", () => {
    pages = 1;
    shown = "";
    look();
  });
  more.addEventListener("click", async () => {
    const found = await api(`${base}/events`, { params: { kind: choice.value, after: next } });
    pages += 1;
    list.append(...found.items.map((one) => row(base, one)));
    next = found.next;
    more.hidden = next === null;
  });
  return { look };
}
