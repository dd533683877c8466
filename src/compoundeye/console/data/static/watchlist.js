/* Enrolment: the picture's faces are shown first, so that the right one is kept. */
import { api, h, number, say } from "./eye.js";
import { many } from "./face-words.js";

const form = document.getElementById("enrol");
const told = document.getElementById("found-told");
const which = document.getElementById("which");
const button = form.querySelector("button");
let asked = 0;

form.elements.picture.addEventListener("change", async () => {
  const mine = ++asked;
  which.hidden = true;
  document.getElementById("found").replaceChildren();
  const [file] = form.elements.picture.files;
  if (!file) return;
  told.textContent = "Looking for faces...";
  const sent = new FormData();
  sent.append("picture", file);
  try {
    const { faces } = await api("faces/find", { method: "POST", form: sent, quiet: true });
    if (mine !== asked) return; // another picture was chosen meanwhile
    told.textContent = faces.length ? `${many(faces.length, "face")} found${faces.length > 1 ? "; say which" : `, quality ${number(Math.round(faces[0].quality))}`}.` : "No face was found in this picture.";
    document.getElementById("found").replaceChildren(...faces.map((face, at) => h("label", {},
      h("input", { type: "radio", name: "face", value: at, required: true, checked: faces.length === 1 }),
      h("img", { src: face.crop, alt: `Face ${at + 1}, quality ${Math.round(face.quality)}`, width: 80, height: 80 }))));
    which.hidden = !faces.length;
  } catch (error) {
    if (mine === asked) told.textContent = error.message;
  }
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  const sent = new FormData(form);
  sent.set("consent", document.getElementById("consent").checked);
  try {
    const person = await api("faces/people", { method: "POST", form: sent });
    say(`${person.name} has ${many(person.faces, "face")} now.`, { kind: "good" });
    location.assign("/faces/watch");
  } catch {
    button.disabled = false;
  }
});
