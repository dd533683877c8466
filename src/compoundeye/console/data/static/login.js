/* The form of the login page. A token may stand behind # in the address: that part is never sent or logged. */
import { api } from "./eye.js";

const form = document.getElementById("login");
const problem = document.getElementById("problem");

/* Only to a page of this server, whatever the address says. */
function onward() {
  const to = new URLSearchParams(location.search).get("to") ?? "/";
  const asked = URL.canParse(to, location.origin) ? new URL(to, location.origin) : null;
  location.replace(asked?.origin === location.origin ? asked.href : "/");
}

if (location.hash.length > 1) {
  form.secret.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search);
}
form.elements.name.value = localStorage.getItem("name") ?? "";
(form.elements.name.value ? form.secret : form.elements.name).focus();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  try {
    await api("session", { method: "POST", body: { name: form.elements.name.value, secret: form.secret.value }, quiet: true });
    localStorage.setItem("name", form.elements.name.value);
    onward();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    form.secret.select();
  }
});

/* A link from elsewhere comes without the cookie, which is sent from our own pages alone: already signed in? */
api("session", { quiet: true }).then((who) => { if (who.name) onward(); }, () => {});
