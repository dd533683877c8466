/* Saying what pictures show, and taking it back. Whoever comes second is told, and nothing is overwritten unseen. */
import { api, number, say } from "./eye.js";

const many = (count) => `${number(count)} ${count === 1 ? "picture" : "pictures"}`;

export class Labelling {
  /* changed(outcome): after each correction and undo that changed something, or found that others had. */
  constructor(corpus, you, changed) {
    this.path = `corpora/${encodeURIComponent(corpus)}/corrections`;
    this.you = you;
    this.changed = changed;
    this.made = []; // what undo takes back, the last first
  }

  /* version: of the corpus, that is looked at; null says it whatever others said. quiet: no message when it went well. */
  async correct(ids, label, version, { quiet = false } = {}) {
    const done = await api(this.path, { method: "POST", body: { ids, label, version } });
    if (done.undo) this.made.push(done.undo);
    if (done.kept) {
      const [one] = done.kept_pictures;
      const who = one.label === null ? "Somebody took its label away" : `${one.label_by} said “${one.label}”`;
      const text = ids.length === 1 ? `${who} meanwhile. That stays.` : `${many(done.kept)} labelled by others meanwhile: those stay.`;
      const kept = done.kept_pictures.map((picture) => picture.id);
      say(text, { kind: "doubt", action: ["Replace it", () => this.correct(kept, label, null)] });
    } else if (!quiet && done.changed) {
      say(label === null ? "Label removed" : `${many(done.changed)}: ${label}`, { kind: "good", action: ["Undo", () => this.undo(done.undo)] });
    } else if (!quiet) {
      say("It has this label already.");
    }
    this.changed(done);
    return done;
  }

  /* The last correction, also one from before this page was opened. */
  async undo(which = null) {
    const undo = which ?? this.made.at(-1) ?? await this.latest();
    if (!undo) {
      say("There is nothing to undo.");
      return null;
    }
    this.made = this.made.filter((one) => one !== undo);
    const back = await api(`${this.path}/undo`, { method: "POST", body: { undo } });
    const kept = back.kept ? ` ${many(back.kept)} labelled by somebody since: kept as they are.` : "";
    say(`${many(back.changed)} as before.${kept}`, {
      kind: back.kept ? "doubt" : "good", action: back.undo ? ["Redo", () => this.undo(back.undo)] : null,
    });
    this.changed(back);
    return back;
  }

  async latest() {
    const made = await api(this.path, { params: { limit: 100 } });
    return made.find((one) => one.by === this.you && !one.undone && one.undoes === null)?.undo;
  }
}
