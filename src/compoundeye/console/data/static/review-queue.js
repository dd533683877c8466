/* The pictures of a queue, fetched ahead of whoever reviews them; a look back is possible. */
import { api } from "./eye.js";

const AT_ONCE = 20;
const AHEAD = 6; // pictures that are there before they are asked for

export class Queue {
  constructor(corpus, name, words) {
    this.path = `corpora/${encodeURIComponent(corpus)}/review/${name}`;
    this.words = {};
    for (const [word, value] of words) (this.words[word] ??= []).push(value);
    this.restart();
  }

  restart() {
    this.items = [];
    this.seen = new Set();
    this.at = 0;
    this.after = null;
    this.ended = false;
    this.loading = null;
  }

  get item() {
    return this.items[this.at] ?? null;
  }

  get next() {
    return this.items[this.at + 1] ?? null;
  }

  /* What the server told last, or null where there is nothing to fetch. */
  async fill() {
    if (this.ended || this.items.length - this.at > AHEAD) return null;
    this.loading ??= this.fetch().finally(() => { this.loading = null; });
    return this.loading;
  }

  async fetch() {
    let page;
    do { // a page may be empty: all of it labelled meanwhile
      page = await api(this.path, { params: { ...this.words, after: this.after, limit: AT_ONCE }, quiet: true });
      if (page.computing !== null && !page.items.length && !page.next) return page;
      for (const item of page.items) {
        if (this.seen.has(item.picture.id)) continue;
        this.seen.add(item.picture.id);
        this.items.push({ ...item, version: page.version });
      }
      this.after = page.next;
      this.ended = page.next === null;
    } while (!this.ended && this.items.length <= this.at);
    return page;
  }
}
