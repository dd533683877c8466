/* Which pictures are selected: by hand, over a range, or all that fit. */

export const MOST = 10_000; // of one range: 20 requests

export class Choice {
  constructor(changed) {
    this.changed = changed;
    this.forget();
  }

  forget() {
    this.picked = new Map();
    this.all = false;
    this.fixed = this.picked; // what a range is added to
    this.anchor = null;
  }

  get any() {
    return this.all || this.picked.size > 0;
  }

  has(picture) {
    return this.all || this.picked.has(picture.id);
  }

  clear() {
    this.forget();
    this.changed();
  }

  everything() {
    this.forget();
    this.all = true;
    this.changed();
  }

  toggle(index, picture) {
    if (this.all) this.forget(); // one of all: begin with this one
    if (!this.picked.delete(picture.id)) this.picked.set(picture.id, picture);
    this.anchor = index;
    this.fixed = new Map(this.picked);
    this.changed();
  }

  /* From where the selection began to `index`; a range that grew too far shrinks again. */
  async extend(index, pages) {
    if (this.all) this.forget();
    if (this.anchor === null) this.anchor = index;
    const [first, last] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
    if (last - first >= MOST) throw new RangeError(`A range has at most ${MOST.toLocaleString("en")} pictures.`);
    const wanted = { index };
    this.wanted = wanted;
    const found = await pages.range(first, last + 1);
    if (this.wanted !== wanted) return; // another range was asked for meanwhile
    this.picked = new Map(this.fixed);
    for (const picture of found) this.picked.set(picture.id, picture);
    this.changed();
  }
}
