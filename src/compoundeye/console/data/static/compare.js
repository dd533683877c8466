/* Two uploads against each other, or one against the gallery; faces of uploads come back inside the answer. */
import { api, h, number } from "./eye.js";
import { called, many } from "./face-words.js";

const MOST = 12; // pairs that are shown, the most alike first
const WHENCE = { given: "as given", published: "the value published for the model" };
const answer = document.getElementById("answer");
const kept = (id) => `/api/v1/faces/crops/${id}`;
const face = (src, alt) => h("img", { src, alt, width: 112, height: 112 });

/* One face beside another, with how alike they are. */
function pair(left, right, score, verdict, good, word) {
  return h("li", { class: "card pair" },
    h("div", { class: "two" }, left, right),
    h("div", { class: "stack" },
      word,
      h("meter", { min: 0, max: 1, value: Math.max(score, 0), "aria-label": "How alike" }),
      h("p", {}, h("span", { class: `badge ${good ? "good" : ""}` }, verdict), " ", h("span", { class: "num" }, `cosine ${score.toFixed(3)}`))));
}

function show(title, point, rows) {
  document.getElementById("answer-title").textContent = title;
  document.getElementById("threshold").textContent = `A cosine of ${point.value.toFixed(3)} or more counts as one person: ${WHENCE[point.source] ?? `chosen for ${point.source} on this gallery's people`}.`;
  const warning = document.getElementById("warning");
  warning.textContent = point.warning ?? "";
  warning.hidden = !point.warning;
  document.getElementById("pairs").replaceChildren(...rows);
  answer.hidden = false;
  document.getElementById("answer-title").focus();
}

function compared(told) {
  const { value } = told.threshold;
  const all = told.scores.flatMap((row, one) => row.map((score, two) => ({ score, one, two }))).sort((a, b) => b.score - a.score);
  const same = all.filter((each) => each.score >= value).length;
  const title = all.length === 1
    ? (same ? "These are of one person" : "These are of two people")
    : `${many(told.one.length, "face")} and ${many(told.two.length, "face")}: ${same ? `${many(same, "pair")} of one person` : "nobody is in both"}`;
  show(title, told.threshold, all.slice(0, MOST).map((each) => pair(
    face(told.one[each.one].crop, `Face ${each.one + 1} of the first picture`),
    face(told.two[each.two].crop, `Face ${each.two + 1} of the second picture`),
    each.score, each.score >= value ? "One person" : "Two people", each.score >= value,
    h("p", { class: "small faint" }, `Quality ${number(Math.round(told.one[each.one].quality))} and ${number(Math.round(told.two[each.two].quality))}`))));
}

function identified(told) {
  const known = told.faces.filter((each) => each.candidates.length).length;
  const rows = told.faces.flatMap(({ seen, candidates }, at) => candidates.length
    ? candidates.map((one) => pair(face(seen.crop, `Face ${at + 1} of the picture`), face(kept(one.face), `A face of ${called({ id: one.person, name: one.name })}`), one.score, "Maybe", false,
      h("p", {}, h("a", { href: `/faces/people/${one.person}` }, called({ id: one.person, name: one.name })))))
    : [h("li", { class: "card pair" }, h("div", { class: "two" }, face(seen.crop, `Face ${at + 1} of the picture`)), h("p", {}, "Nobody of the gallery."))]);
  show(`${many(told.faces.length, "face")} found, ${known ? `${number(known)} may be known` : "nobody is known"}`, told.threshold, rows);
}

function asks(id, path, tell) {
  const form = document.getElementById(id);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      tell(await api(path, { method: "POST", form: new FormData(form) }));
    } catch {
      answer.hidden = true; // what is wrong was said; an older answer must not stand beside it
    } finally {
      button.disabled = false;
    }
  });
}
asks("compare", "faces/compare", compared);
asks("identify", "faces/identify", identified);
