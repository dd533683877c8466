/*
The grid: only the rows in sight are elements. It knows nothing of pictures: `tile` makes the cell of an index, `gone`
hears of cells that are taken away, `wanted` of what is to be had, `moved` of the first index in sight.
One cell has the tab stop (roving focus); the rest is said to screen readers by aria-rowcount and aria-rowindex.
*/
import { h } from "./eye.js";
import { Scale } from "./gallery-scale.js";

export const SIZES = { small: 108, medium: 168, large: 264 };
const EDGE = 12;
const GAP = 8;
const CAPTION = 3.1; // rem: two lines below the picture
const MORE = 2; // rows beyond both ends of the window
const JUMP = 3; // windows: a longer way in one step is a drag of the scroll bar
const PAUSE = 60; // ms without a jump: somebody has stopped to look

export class Grid {
  constructor(scroller, grid, hooks) {
    Object.assign(this, { scroller, grid, hooks, rows: new Map(), total: 0, size: SIZES.medium, top: 0, place: 0, active: 0 });
    this.measure();
    scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    scroller.addEventListener("scrollend", () => this.settled(), { passive: true });
    grid.addEventListener("focusin", (event) => this.focused(event));
    new ResizeObserver(() => this.resized()).observe(scroller);
  }

  /* Another list, or another size of tiles; the picture `index` is in the first row. */
  show(total, index = 0, size = this.size) {
    Object.assign(this, { total, size });
    this.measure();
    this.empty();
    this.active = Math.min(index, Math.max(0, total - 1));
    this.to(this.rowOf(this.active) * this.step + (index ? EDGE - GAP : 0));
  }

  measure() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const width = this.scroller.clientWidth - 2 * EDGE;
    this.view = this.scroller.clientHeight;
    this.columns = Math.max(2, Math.floor((width + GAP) / (this.size + GAP)));
    this.width = (width - GAP * (this.columns - 1)) / this.columns;
    this.step = Math.round(this.width + CAPTION * rem) + GAP;
    this.rowCount = Math.ceil(this.total / this.columns);
    this.scale = new Scale(this.rowCount * this.step + 2 * EDGE - GAP, this.view);
    this.grid.style.setProperty("--columns", this.columns);
    this.grid.style.setProperty("--tile", `${this.step - GAP}px`);
    this.grid.style.setProperty("--picture", `${this.width}px`);
    this.grid.style.height = `${this.scale.height}px`;
    this.grid.setAttribute("aria-rowcount", this.rowCount);
    this.grid.setAttribute("aria-colcount", this.columns);
  }

  resized() {
    if (this.scroller.clientHeight === this.view && this.scroller.clientWidth === this.seenWidth) return;
    this.seenWidth = this.scroller.clientWidth;
    const held = this.grid.contains(document.activeElement);
    const first = this.first();
    const active = this.active;
    const columns = this.columns;
    this.measure();
    if (columns !== this.columns || this.rows.size === 0) this.show(this.total, first);
    else this.to(this.rowOf(first) * this.step + (first ? EDGE - GAP : 0));
    this.active = active;
    if (held) this.focus(active);
  }

  rowOf(index) {
    return Math.floor(index / this.columns);
  }

  /* The first index whose row is wholly in sight. */
  first() {
    return Math.max(0, Math.ceil((this.top - EDGE) / this.step)) * this.columns;
  }

  to(top) {
    this.top = Math.min(Math.max(0, top), this.scale.last);
    this.scroller.scrollTop = this.scale.place(this.top);
    this.place = this.scroller.scrollTop;
    this.draw(false);
  }

  scrolled() {
    const place = this.scroller.scrollTop;
    const way = place - this.place;
    if (Math.abs(way) < 0.5) return;
    this.place = place;
    const jump = Math.abs(way) > JUMP * this.view;
    if (!this.scale.mapped || jump || place <= 0 || place >= this.scale.end) this.top = this.scale.top(place);
    else this.top = Math.min(Math.max(0, this.top + way), this.scale.last);
    this.draw(jump);
    clearTimeout(this.settling);
    if (this.scale.mapped && !("onscrollend" in window)) this.settling = setTimeout(() => this.settled(), 200);
  }

  /* The scroll bar goes to where it stands for what is in sight: by hand it went as far as the list did. */
  settled() {
    const place = this.scale.place(this.top);
    if (!this.scale.mapped || Math.abs(place - this.place) < 2) return;
    this.scroller.scrollTop = place;
    this.place = this.scroller.scrollTop;
    this.draw(false);
  }

  /* Rows in sight come, others go; the one with the focus stays, or the keyboard would lose its place. */
  draw(jump) {
    const first = Math.max(0, Math.floor((this.top - EDGE) / this.step) - MORE);
    const end = Math.min(this.rowCount, Math.ceil((this.top + this.view - EDGE) / this.step) + MORE);
    const held = this.grid.contains(document.activeElement) ? this.rowOf(this.active) : -1;
    for (const [row, element] of this.rows) {
      if ((row >= first && row < end) || row === held) continue;
      this.remove(row, element);
    }
    const shift = this.place - this.top;
    if (shift !== this.shift) for (const [row, element] of this.rows) this.put(element, row, shift);
    this.shift = shift;
    for (let row = first; row < end; row += 1) if (!this.rows.has(row)) this.add(row);
    if (held < 0) this.tabStop(Math.min(this.first(), Math.max(0, this.total - 1)));
    const range = [first * this.columns, Math.min(this.total, end * this.columns)];
    clearTimeout(this.pausing);
    if (jump) this.pausing = setTimeout(() => this.hooks.wanted(...range), PAUSE);
    else this.hooks.wanted(...range);
    this.hooks.moved(this.top < 1 ? 0 : this.first());
  }

  add(row) {
    const element = h("div", { class: "line", role: "row", "aria-rowindex": row + 1 });
    for (let index = row * this.columns; index < Math.min(this.total, (row + 1) * this.columns); index += 1) {
      const cell = this.hooks.tile(index);
      if (index === this.active) cell.tabIndex = 0;
      element.append(cell);
    }
    this.put(element, row, this.shift);
    const next = [...this.grid.children].find((one) => Number(one.getAttribute("aria-rowindex")) > row + 1);
    this.grid.insertBefore(element, next ?? null);
    this.rows.set(row, element);
  }

  put(element, row, shift) {
    element.style.transform = `translateY(${EDGE + row * this.step + shift}px)`;
  }

  remove(row, element) {
    for (const cell of element.children) this.hooks.gone(cell);
    element.remove();
    this.rows.delete(row);
  }

  empty() {
    for (const [row, element] of this.rows) this.remove(row, element);
  }

  cell(index) {
    return this.rows.get(this.rowOf(index))?.children[index % this.columns] ?? null;
  }

  * cells() {
    for (const element of this.rows.values()) yield* element.children;
  }

  tabStop(index) {
    const before = this.cell(this.active);
    if (before) before.tabIndex = -1;
    this.active = index;
    const cell = this.cell(index);
    if (cell) cell.tabIndex = 0;
  }

  focused(event) {
    const cell = event.target.closest(".cell");
    if (cell) this.tabStop(Number(cell.dataset.index));
  }

  /* The keyboard's way: the cell comes into sight, by as little as needed, and takes the focus. */
  focus(index) {
    const wanted = Math.min(Math.max(0, index), this.total - 1);
    const top = EDGE + this.rowOf(wanted) * this.step;
    this.tabStop(wanted);
    if (top - GAP < this.top) this.to(this.rowOf(wanted) ? top - GAP : 0);
    else if (top + this.step > this.top + this.view) this.to(top + this.step + EDGE - GAP - this.view);
    this.cell(wanted)?.focus({ preventScroll: true });
  }

  get page() {
    return Math.max(1, Math.floor(this.view / this.step)) * this.columns;
  }
}
