/* Thumbnails, many in one answer: tiles that are drawn in one go ask together. */

const TOGETHER = 40;
const KEPT = 2_000; // some 20 MB
const HEAD = 20; // 16 bytes of id, 4 of length

export class Thumbs {
  constructor(corpus) {
    this.path = `/api/v1/corpora/${encodeURIComponent(corpus)}/thumbnails`;
    this.known = new Map();
    this.waiting = new Map();
    this.asked = new Map();
  }

  /* Fill an <img> now or soon. version: that the picture's row is of. */
  show(img, picture, version) {
    const known = this.known.get(picture.id);
    if (known) {
      this.known.delete(picture.id);
      this.known.set(picture.id, known);
      img.src = known;
      return;
    }
    if (this.waiting.size === 0) queueMicrotask(() => this.ask());
    this.waiting.set(img, { picture, version });
  }

  /* The tile is gone; an answer that no tile waits for is called off. */
  forget(img) {
    this.waiting.delete(img);
    const request = this.asked.get(img);
    if (!request) return;
    this.asked.delete(img);
    request.images.delete(img);
    if (request.images.size === 0) request.control.abort();
  }

  ask() {
    const entries = [...this.waiting];
    this.waiting.clear();
    for (let at = 0; at < entries.length; at += TOGETHER) {
      const request = { images: new Map(entries.slice(at, at + TOGETHER)), control: new AbortController() };
      for (const img of request.images.keys()) this.asked.set(img, request);
      this.fetch(request);
    }
  }

  async fetch(request) {
    const [{ version }] = request.images.values();
    const rows = [...request.images.values()].map((one) => one.picture.row).join(",");
    try {
      const response = await fetch(`${this.path}?rows=${rows}&version=${version}`, { signal: request.control.signal });
      if (!response.ok) throw new Error(response.status);
      await each(response.body.getReader(), (id, data) => this.take(request, id, data));
    } catch (error) {
      if (error.name === "AbortError") return;
    }
    // What did not come, or came as another picture since that version is gone, is asked for by its id.
    for (const [img, { picture }] of request.images) {
      this.asked.delete(img);
      img.src = picture.thumbnail;
    }
  }

  take(request, id, data) {
    const url = URL.createObjectURL(new Blob([data], { type: "image/jpeg" }));
    this.known.set(id, url);
    for (const [img, { picture }] of request.images) {
      if (picture.id !== id) continue;
      img.src = url;
      request.images.delete(img);
      this.asked.delete(img);
    }
    while (this.known.size > KEPT) {
      const [oldest, address] = this.known.entries().next().value;
      this.known.delete(oldest);
      URL.revokeObjectURL(address); // pictures that show it keep showing it
    }
  }
}

/* Entries of an answer, each as soon as it is there. */
async function each(reader, handler) {
  let held = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const grown = new Uint8Array(held.length + value.length);
    grown.set(held);
    grown.set(value, held.length);
    held = grown;
    let at = 0;
    while (held.length - at >= HEAD) {
      const length = new DataView(held.buffer, at + 16, 4).getUint32(0);
      if (held.length - at - HEAD < length) break;
      const id = Array.from(held.subarray(at, at + 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
      handler(id, held.slice(at + HEAD, at + HEAD + length));
      at += HEAD + length;
    }
    held = held.slice(at);
  }
}
