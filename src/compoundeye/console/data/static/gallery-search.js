/* The search box: words, a category, a meaning, a picture. What it asks for goes into the address, and is done from there. */
import { api, h, say } from "./eye.js";

const $ = (id) => document.getElementById(id);

export class Search {
  /* go(changes): a step of the address. */
  constructor(corpus, embedded, go) {
    Object.assign(this, { corpus, embedded, go, sent: new Map() });
    $("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask();
    });
    $("words").addEventListener("search", () => { if (!$("words").value) this.ask(); }); // the cross in the field
    $("by").addEventListener("change", () => {
      this.offer();
      if ($("words").value.trim()) this.ask();
    });
    $("choose").addEventListener("click", () => $("picture").click());
    $("picture").addEventListener("change", () => {
      this.send($("picture").files[0]);
      $("picture").value = "";
    });
    this.drops();
  }

  ask() {
    const words = $("words").value.trim() || undefined;
    const by = $("by").value;
    if (by === "category") this.go({ category: words ? [words] : undefined, text: undefined, meaning: undefined });
    else if (by === "meaning") this.go({ meaning: words, text: undefined, ...(words ? { like: undefined, sort: undefined, descending: undefined } : {}) });
    else this.go({ text: words, meaning: undefined });
  }

  /* Categories are offered where one is asked for. */
  offer() {
    if ($("by").value === "category") $("words").setAttribute("list", "known");
    else $("words").removeAttribute("list");
  }

  show(state) {
    const one = state.category?.length === 1 ? state.category[0] : null;
    if (state.meaning || state.text) $("by").value = state.meaning ? "meaning" : "text";
    this.offer();
    $("words").value = state.meaning ?? state.text ?? ($("by").value === "category" ? one : null) ?? "";
  }

  like(id) {
    this.go({ like: id, meaning: undefined, text: undefined, sort: undefined, descending: undefined });
  }

  async send(file) {
    if (!file) return;
    if (!this.embedded) {
      say("Pictures of this corpus have no embeddings yet: eye categorise makes them.", { kind: "doubt" });
      return;
    }
    const form = new FormData();
    form.append("picture", file, "picture");
    const done = say("Looking at the picture");
    try {
      const { like } = await api(`corpora/${encodeURIComponent(this.corpus)}/search`, { method: "POST", form });
      this.sent.set(like, URL.createObjectURL(file));
      this.like(like);
    } catch {
      // why has been told in a message
    } finally {
      done();
    }
  }

  /* The picture that is searched by, for its chip: what was sent is known to this page alone. */
  preview(like) {
    if (this.sent.has(like)) return h("img", { src: this.sent.get(like), alt: "" });
    if (like.includes(":")) return null;
    return h("img", { src: `/api/v1/corpora/${encodeURIComponent(this.corpus)}/pictures/${like}/thumbnail`, alt: "" });
  }

  drops() {
    const files = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const over = (yes) => { $("drop").hidden = !yes; };
    addEventListener("dragenter", (event) => { if (files(event)) over(true); });
    addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
    addEventListener("dragleave", (event) => { if (event.relatedTarget === null) over(false); });
    addEventListener("drop", (event) => {
      over(false);
      if (!files(event)) return;
      event.preventDefault(); // or the browser would leave for the file
      this.send(event.dataTransfer.files[0]);
    });
    addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
      if (!file) return;
      event.preventDefault();
      this.send(file);
    });
  }
}
