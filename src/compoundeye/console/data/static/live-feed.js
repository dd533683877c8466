/*
The newest frames of streams, asked for only where somebody sees them: a tile that is scrolled away or a page in the
background asks for nothing, and of all tiles together a few requests at a time are under way.

  const feed = new Feed(view.element, "gate", "north", { every: 500, width: () => 400, show: (frame) => {}, lost: (yes) => {} })
  feed.end()

show gets { facts: { frame, shapes, app }, picture: ImageBitmap }: both are of one file, and so of one moment.
*/
import { bytesOf } from "./eye.js";

const AT_ONCE = 4; // a browser has six connections to a server: the rest of the page needs some
const AGAIN_MS = 2000; // after an answer that was none

let under = 0;
const waiting = [];

function turn(signal) {
  if (under < AT_ONCE) {
    under += 1;
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    const entry = { resolve };
    waiting.push(entry);
    signal.addEventListener("abort", () => {
      const at = waiting.indexOf(entry);
      if (at >= 0) waiting.splice(at, 1);
      reject(new DOMException("not seen any more", "AbortError"));
    });
  });
}

function done() {
  const next = waiting.shift();
  if (next) next.resolve();
  else under -= 1;
}

const decoder = new TextDecoder();

export async function unpack(buffer) {
  const size = Number(new DataView(buffer).getBigUint64(0, true));
  const facts = JSON.parse(decoder.decode(new Uint8Array(buffer, 8, size)));
  return { facts, picture: await createImageBitmap(new Blob([new Uint8Array(buffer, 8 + size)], { type: "image/jpeg" })) };
}

export class Feed {
  constructor(element, watch, stream, { every = 500, width = () => null, show, lost = () => {} }) {
    Object.assign(this, { every, width, show, lost, after: null, seen: false, asking: null, timer: null });
    this.path = `live/${encodeURIComponent(watch)}/streams/${encodeURIComponent(stream)}/view`;
    this.sight = new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      this.check();
    });
    this.sight.observe(element);
    this.turned = () => this.check();
    document.addEventListener("visibilitychange", this.turned);
  }

  check() {
    if (this.seen && !document.hidden) {
      if (!this.asking) this.ask();
    } else {
      clearTimeout(this.timer);
      this.asking?.abort();
      this.asking = null;
    }
  }

  async ask() {
    const asking = new AbortController();
    this.asking = asking;
    while (this.asking === asking) {
      const began = performance.now();
      let pause = this.every;
      try {
        pause = (await this.once(asking.signal)) ? this.every : Math.min(this.every, 150);
      } catch (error) {
        if (error.name === "AbortError") break;
        this.lost(error.status === 0);
        pause = AGAIN_MS;
      }
      await new Promise((resolve) => {
        asking.signal.addEventListener("abort", resolve);
        this.timer = setTimeout(resolve, Math.max(20, pause - (performance.now() - began)));
      });
    }
    if (this.asking === asking) this.asking = null;
  }

  /* Whether there was a newer frame. */
  async once(signal) {
    await turn(signal);
    try {
      const width = this.width();
      const params = { after: this.after, width: width ? Math.max(16, Math.round(width)) : null };
      const response = await bytesOf(this.path, { params, signal });
      this.lost(false);
      if (!response) return false;
      const found = await unpack(await response.arrayBuffer());
      if (signal.aborted) return false;
      this.after = found.facts.frame.index;
      this.show(found);
      return true;
    } finally {
      done();
    }
  }

  end() {
    this.sight.disconnect();
    document.removeEventListener("visibilitychange", this.turned);
    this.seen = false;
    this.check();
  }
}
