/* Everybody: found by name, named, and told to be one person. */
import { api, ask, keys, later, number, say } from "./eye.js";
import { Tiles } from "./face-tiles.js";
import { askName, called, many } from "./face-words.js";

const LIMIT = 60;
const form = document.getElementById("people-filter");
const more = document.getElementById("more");
const acts = document.getElementById("acts");
let shown = 0;
let asked = 0;

const tiles = new Tiles(document.getElementById("people"), "People", () => {
  const chosen = [...tiles.chosen.values()];
  acts.hidden = chosen.length === 0;
  document.getElementById("chosen").textContent = chosen.length ? `${number(chosen.length)} chosen: ${chosen.slice(0, 3).map((one) => one.what).join(", ")}${chosen.length > 3 ? ", ..." : ""}` : "";
  document.getElementById("merge").disabled = chosen.length < 2;
  document.getElementById("name").disabled = chosen.length !== 1;
});

const entry = (person) => ({
  id: person.id, face: person.cover, what: called(person), how: many(person.faces, "face"),
  href: `/faces/people/${person.id}`, name: called(person), person,
});

async function load(again) {
  const mine = ++asked; // an answer that comes late must not replace a newer one
  const { text, named } = form.elements;
  const offset = again ? 0 : shown;
  const found = await api("faces/people", { params: { text: text.value.trim(), named: named.value, offset, limit: LIMIT } });
  if (mine !== asked) return;
  shown = offset + found.items.length;
  tiles.show(found.items.map(entry), { again });
  more.hidden = shown >= found.total;
  document.getElementById("people-count").textContent = found.total === 1 ? "1 fits" : `${number(found.total)} fit`;
  document.getElementById("nobody").hidden = found.total > 0;
  const address = new URLSearchParams();
  if (text.value.trim()) address.set("text", text.value.trim());
  if (named.value) address.set("named", named.value);
  history.replaceState(null, "", location.pathname + (address.size ? `?${address}` : ""));
}

/* The one with a name stays, else the one with most faces. */
async function merge() {
  const chosen = [...tiles.chosen.values()].map((one) => one.person);
  if (chosen.length < 2) return false;
  const [into, ...others] = chosen.sort((a, b) => (a.name === null) - (b.name === null) || b.faces - a.faces);
  const names = others.map(called).join(", ");
  if (await ask({ title: `Is ${names} ${called(into)}?`, text: `Their faces become ${called(into)}'s and stay together when faces are grouped again. To take it back, split them off.`, action: "Same person" })) {
    const person = await api(`faces/people/${into.id}/merge`, { method: "POST", body: { others: others.map((one) => one.id) } });
    say(`${called(person)} has ${many(person.faces, "face")} now.`, { kind: "good" });
    await load(true);
  }
  return true;
}

async function name() {
  const [one] = tiles.chosen.values();
  if (tiles.chosen.size !== 1) return false;
  const given = await askName({ title: `Who is ${called(one.person)}?`, value: one.person.name ?? "" });
  if (given) {
    await api(`faces/people/${one.id}/name`, { method: "POST", body: { name: given } });
    say(`Named ${given}.`, { kind: "good" });
    await load(true);
  }
  return true;
}

const given = new URLSearchParams(location.search);
form.elements.text.value = given.get("text") ?? "";
for (const one of form.elements.named) one.checked = one.value === (given.get("named") ?? "");
if (![...form.elements.named].some((one) => one.checked)) form.elements.named[0].checked = true;
form.addEventListener("input", later(() => load(true), 150));
form.addEventListener("submit", (event) => { event.preventDefault(); load(true); });
more.addEventListener("click", () => load(false));
for (const [id, act] of [["merge", merge], ["name", name], ["none", () => tiles.clear()]]) document.getElementById(id).addEventListener("click", act);
keys("People", { m: ["those chosen are the same person", () => { merge(); }], n: ["name the one chosen", () => { name(); }] });
load(true);
