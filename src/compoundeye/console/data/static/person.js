/* Somebody's faces: which are not this person's, and what the person is called. */
import { api, ask, data, date, h, keys, number, say } from "./eye.js";
import { Tiles } from "./face-tiles.js";
import { askName, called, many } from "./face-words.js";

let person = data("person");
let next = null;
const more = document.getElementById("more");
const acts = document.getElementById("acts");

const tiles = new Tiles(document.getElementById("faces"), "Person", () => {
  const count = tiles.chosen.size;
  acts.hidden = count === 0;
  document.getElementById("chosen").textContent = count ? `${many(count, "face")} chosen` : "";
  document.getElementById("split").disabled = count === 0 || count >= person.faces;
});

const entry = (face) => ({
  id: face.id, face: face.id, href: null, name: `face ${face.id}`,
  what: face.quality === null ? `Face ${face.id}` : `Quality ${number(Math.round(face.quality))}`,
  how: `${face.said ? "said" : "grouped"}, ${face.consent ? "agreed" : "no consent"}, ${date(face.at).slice(0, 10)}`,
});

function tell() {
  document.getElementById("title").textContent = called(person);
  document.getElementById("told").textContent = `${many(person.faces, "face")}, ${number(person.said)} of them said by somebody to be this person's.`;
}

function show(page, again) {
  next = page.next;
  more.hidden = next === null;
  tiles.show(page.items.map(entry), { again });
}

async function load(again) {
  show(await api(`faces/people/${person.id}/faces`, { params: { after: again ? 0 : next } }), again);
}

async function name() {
  const given = await askName({ title: `Who is ${called(person)}?`, value: person.name ?? "" });
  if (!given) return;
  person = await api(`faces/people/${person.id}/name`, { method: "POST", body: { name: given } });
  tell();
  say(`Named ${given}.`, { kind: "good" });
}

async function split() {
  const faces = [...tiles.chosen.keys()];
  if (!faces.length || faces.length >= person.faces) return;
  const to = await askName({ title: `Who is it on ${faces.length === 1 ? "this face" : "these faces"}?`, text: `They stay apart from ${called(person)} when faces are grouped again.`, action: "Split off", needed: false });
  if (to === null) return;
  const other = await api(`faces/people/${person.id}/split`, { method: "POST", body: { faces, to: to || null } });
  say(`Now of ${called(other)}.`, { kind: "good", action: ["Look", () => location.assign(`/faces/people/${other.id}`)] });
  await again();
}

async function notThis() {
  const faces = [...tiles.chosen.keys()];
  if (!faces.length) return;
  if (!(await ask({ title: `Not ${called(person)}?`, text: `${many(faces.length, "face")} will be nobody's, and grouping never gives ${faces.length === 1 ? "it" : "them"} back.`, action: "Not this person" }))) return;
  await api(`faces/people/${person.id}/not-this-person`, { method: "POST", body: { faces } });
  say(`${many(faces.length, "face")} taken away.`, { kind: "good" });
  await again();
}

async function forget() {
  const why = h("input", { id: "forget-why", type: "text", maxlength: 1000, autocomplete: "off" });
  const pictures = h("input", { type: "checkbox" });
  const content = h("div", { class: "stack" },
    h("div", { class: "field" }, h("label", { for: "forget-why" }, "Reason, for the audit log"), why, h("p", { class: "hint" }, "Without the name: it would be taken out.")),
    h("label", { class: "check" }, pictures, "Remove the picture files these faces were found in, too"));
  if (!(await ask({ title: `Forget ${called(person)}?`, text: "Keys, templates, crops and the name are erased, and nothing brings them back.", action: "Forget", danger: true, content }))) return;
  const done = await api(`faces/people/${person.id}/forget`, { method: "POST", body: { why: why.value.trim(), pictures: pictures.checked } });
  const facts = [["Faces", done.faces], ["Crops", done.crops], ["Keys destroyed", done.keys], ["Picture files removed", done.pictures_removed.length],
    ["Pictures with others in them", done.shared_pictures], ["Reasons taken out of the log", done.reasons_removed],
    ["Looked for on disk", done.looked_for], ["Found on disk", done.traces]];
  document.getElementById("report").replaceChildren(...facts.flatMap(([what, count]) => [h("dt", {}, what), h("dd", {}, number(count))]));
  document.getElementById("kept").replaceChildren(...done.pictures_kept.map(({ file, reason }) => h("li", { class: "wrong" }, `${file}: ${reason}`)));
  document.getElementById("faces").replaceChildren(); // nothing of the person stays on the screen
  const dialog = document.getElementById("forgotten");
  dialog.addEventListener("close", () => location.assign("/faces"));
  dialog.showModal();
}

async function again() {
  person = await api(`faces/people/${person.id}`);
  tell();
  await load(true);
}

for (const [id, act] of [["name", name], ["split", split], ["not", notThis], ["forget", forget], ["none", () => tiles.clear()]]) document.getElementById(id).addEventListener("click", act);
more.addEventListener("click", () => load(false));
keys("Person", {
  n: ["name", () => { name(); }],
  s: ["those chosen are somebody else", () => { split(); }],
  d: ["those chosen are not this person", () => { notThis(); }],
});
tell();
show(data("first"), true);
