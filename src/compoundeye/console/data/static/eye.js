/*
What scripts of pages may use, all of it from here: import { api, say, h, keys } from "./eye.js";

api("corpora/x/pictures", { params: { limit: 50 } })    GET below /api/v1, gives the JSON. method, body (an object, sent
    as JSON), form (FormData), signal; quiet: true leaves an error to you. Throws ApiError (.status, .message).
bytesOf("live/x/streams/y/view", { params, signal })      bytes rather than JSON: a Response, or null where nothing is new.
follow("jobs/events", { progress: (value) => {} })       server-sent events; gives a function that ends them.
say("3 corrected", { kind: "good", action: ["Undo", undo] })   a toast, read out too. kind: good, doubt, wrong.
h("a", { class: "tile", href, onclick }, "text", node)   elements. Text is always text: innerHTML throws by policy.
s("path", { d })                                          the same for SVG.
data("runs")                                              what the template put there by the macro data(...).
ask({ title, text, action: "Delete", danger: true })      a question in a dialog: true or false, as a promise.
keys("Gallery", { "j": ["next picture", handler] })       shortcuts, listed in the help (?). Names are as KeyboardEvent.key
    has them, after Mod+ (Control or Command), Alt+ and Shift+ (the last only before names such as ArrowDown, Enter).
    They rest while somebody types or a dialog is open. Gives a function that takes them away.
number(1234567) bytes(5e6) percent(.934) date(iso) ago(iso) duration(seconds) rate(12.3, "pictures")
later(handler, ms)                                         a handler that runs once, when calls have paused.
*/
import { ask } from "./ask.js";
import { api } from "./api.js";
import { keys, showKeys } from "./keys.js";

export { api, ApiError, bytesOf, follow, query } from "./api.js";
export { ask } from "./ask.js";
export { data, h, later, s } from "./dom.js";
export { ago, bytes, date, duration, number, percent, rate } from "./format.js";
export { keys } from "./keys.js";
export { say } from "./say.js";

/* On a narrow screen the navigation is a strip: what is current must not lie outside it. */
document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

const THEMES = ["auto", "light", "dark"];
const root = document.documentElement;
const year = 365 * 24 * 3600;

/* A cookie rather than the browser's storage: the server then sends the page in the right colours at once. */
function remember(name, value) {
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${year}; samesite=strict`;
}

document.getElementById("theme-switch")?.addEventListener("click", (event) => {
  const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  root.dataset.theme = next;
  remember("theme", next);
  event.currentTarget.querySelector(".unseen").textContent = `Theme: ${next}`;
});

document.getElementById("corpus-switch")?.addEventListener("change", (event) => {
  const name = event.currentTarget.value;
  remember("corpus", name);
  const here = location.pathname.match(/^\/c\/[^/]+(\/review|\/account)?/);
  location.assign(here ? `/c/${encodeURIComponent(name)}${here[1] ?? ""}` : `/c/${encodeURIComponent(name)}`);
});

document.getElementById("sign-out")?.addEventListener("click", async () => {
  if (await ask({ title: "Sign out?", text: "Corrections and jobs stay as they are.", action: "Sign out" })) {
    await api("session", { method: "DELETE" });
    location.assign("/login");
  }
});

document.getElementById("help")?.addEventListener("click", showKeys);
keys("Everywhere", {
  "?": ["this help", showKeys],
  "/": ["to the search", () => document.querySelector("main input[type=search]")?.focus()],
});
