/* The list behind the grid: blocks of it, as they are needed, all of one version of the corpus. */
import { api } from "./eye.js";

export const BLOCK = 100;
const KEPT = 100; // blocks: 10,000 pictures, some 10 MB

export class Pages {
  /* told: { arrived(first, end, pages), failed(error, pages) }. */
  constructor(corpus, params, told) {
    this.path = `corpora/${encodeURIComponent(corpus)}/pictures`;
    this.params = params;
    this.told = told;
    this.blocks = new Map();
    this.asking = new Map();
    this.version = null;
    this.newest = null;
    this.total = null;
  }

  item(index) {
    return this.blocks.get(Math.floor(index / BLOCK))?.[index % BLOCK];
  }

  /* Have pictures first ... end - 1; what was asked for and is not wanted any more is called off. */
  want(first, end) {
    const wanted = new Set();
    for (let number = Math.floor(first / BLOCK); number * BLOCK < Math.max(end, first + 1); number += 1) wanted.add(number);
    for (const [number, control] of this.asking) {
      if (wanted.has(number)) continue;
      this.asking.delete(number);
      control.abort();
    }
    for (const number of wanted) {
      const known = this.blocks.get(number);
      if (known) { // used last goes last
        this.blocks.delete(number);
        this.blocks.set(number, known);
      } else if (!this.asking.has(number)) {
        this.ask(number);
      }
    }
  }

  async ask(number) {
    const control = new AbortController();
    this.asking.set(number, control);
    try {
      const page = await this.fetched(number * BLOCK, BLOCK, control.signal);
      if (this.asking.get(number) === control) this.keep(number, page);
    } catch (error) {
      if (error.name !== "AbortError" && this.asking.get(number) === control) {
        this.asking.delete(number);
        this.told.failed(error, this);
      }
    }
  }

  fetched(offset, limit, signal) {
    return api(this.path, { params: { ...this.params, offset, limit, version: this.version }, signal, quiet: true });
  }

  keep(number, page) {
    this.asking.delete(number);
    // A version may be removed while it is looked at: what was read of it does not go with what comes now.
    if (this.version !== null && page.version !== this.version) this.blocks.clear();
    this.version = page.version;
    this.newest = page.newest;
    this.total = page.total;
    this.blocks.set(number, page.items);
    while (this.blocks.size > KEPT) this.blocks.delete(this.blocks.keys().next().value);
    this.told.arrived(number * BLOCK, number * BLOCK + page.items.length, this);
  }

  /* Pictures first ... end - 1, all of them: for a selection that reaches beyond what was looked at. */
  async range(first, end) {
    const found = [];
    for (let at = first; at < end; at += 500) {
      const seen = Array.from({ length: Math.min(500, end - at) }, (_, step) => this.item(at + step));
      found.push(...(seen.every(Boolean) ? seen : (await this.fetched(at, Math.min(500, end - at))).items));
    }
    return found;
  }

  close() {
    for (const control of this.asking.values()) control.abort();
    this.asking.clear();
  }
}
