/*
Browsers end an element at some 17 to 33 million pixels, ten million pictures need a hundred and more. So there are two
heights: the list's own, and that of the element that scrolls, which stops at LONGEST. A place in the one is a place in
the other: the same near both ends, in proportion between them. While somebody scrolls by hand both move alike.
*/
export const LONGEST = 8_000_000;
const EXACT = 1_000_000;

export class Scale {
  /* height: of the whole list; view: of the window, pixels. */
  constructor(height, view) {
    this.height = Math.min(height, LONGEST);
    this.mapped = height > LONGEST;
    this.last = Math.max(0, height - view);
    this.end = Math.max(0, this.height - view);
    this.ratio = this.mapped ? (this.last - 2 * EXACT) / (this.end - 2 * EXACT) : 1;
  }

  /* From a place in the list to that of the scroll bar. */
  place(top) {
    if (!this.mapped || top <= EXACT) return top;
    if (top >= this.last - EXACT) return this.end - (this.last - top);
    return EXACT + (top - EXACT) / this.ratio;
  }

  /* And back. */
  top(place) {
    if (!this.mapped || place <= EXACT) return place;
    if (place >= this.end - EXACT) return this.last - (this.end - place);
    return EXACT + (place - EXACT) * this.ratio;
  }
}
