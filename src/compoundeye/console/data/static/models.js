/* Narrowing the catalogue; what is asked for stands in the address. */
import { later, number } from "./eye.js";

const form = document.getElementById("model-filter");
const cards = [...document.querySelectorAll(".model")].map((card) => ({ card, text: card.textContent.toLowerCase() }));

function narrow() {
  const { words, task, here } = form.elements;
  const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { card, text } of cards) {
    const fits = asked.every((one) => text.includes(one)) && (!task.value || card.dataset.task === task.value) && (!here.checked || card.dataset.here === "true");
    card.hidden = !fits;
    shown += fits;
  }
  document.getElementById("model-count").textContent = `${number(shown)} of ${number(cards.length)} models`;
  document.getElementById("no-models").hidden = shown > 0;
  const address = new URLSearchParams();
  if (words.value) address.set("words", words.value);
  if (task.value) address.set("task", task.value);
  if (here.checked) address.set("here", "true");
  history.replaceState(null, "", location.pathname + (address.size ? `?${address}` : "") + location.hash);
}

const given = new URLSearchParams(location.search);
form.elements.words.value = given.get("words") ?? "";
form.elements.here.checked = given.get("here") === "true";
for (const one of form.elements.task) one.checked = one.value === (given.get("task") ?? "");
if (![...form.elements.task].some((one) => one.checked)) form.elements.task[0].checked = true;

form.addEventListener("input", later(narrow, 100));
form.addEventListener("submit", (event) => { event.preventDefault(); narrow(); });
if (location.search) narrow();
