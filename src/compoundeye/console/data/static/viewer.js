/* A picture to look into: wheel, pinch, double click and keys zoom, dragging moves it. */

const MOST = 32; // screen pixels for one of the picture
const ENLARGED = 3; // so far small pictures grow to fill the place
const STEP = 1.4;
const SWIPE = 60;

export class Viewer {
  /* box: the place, which can have the focus, with an <img>; zoomed(share of its real size, whether it is whole). */
  constructor(box, { zoomed = () => {}, swiped = () => {} } = {}) {
    this.box = box;
    this.img = box.querySelector("img");
    this.zoomed = zoomed;
    this.swiped = swiped;
    this.pointers = new Map();
    this.size = [1, 1];
    this.whole();
    new ResizeObserver(() => (this.isWhole ? this.whole() : this.draw())).observe(box);
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    box.addEventListener("dblclick", (event) => this.toggle(this.point(event)));
    box.addEventListener("pointerdown", (event) => this.down(event));
    box.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) box.addEventListener(name, (event) => this.up(event));
  }

  /* Pixels of the picture itself: the file that is shown may have fewer. */
  show(width, height) {
    this.size = [Math.max(1, width), Math.max(1, height)];
    this.whole();
  }

  get fit() {
    const { clientWidth, clientHeight } = this.box;
    return Math.min(clientWidth / this.size[0], clientHeight / this.size[1], ENLARGED) || 1;
  }

  whole() {
    this.isWhole = true;
    this.scale = this.fit;
    this.at = [0, 0];
    this.draw();
  }

  /* To a scale, about a point of the box as seen from its middle. */
  to(scale, [x, y] = [0, 0]) {
    const next = Math.min(MOST, Math.max(Math.min(this.fit, 1), scale));
    const share = next / this.scale;
    this.at = [x - (x - this.at[0]) * share, y - (y - this.at[1]) * share];
    this.scale = next;
    this.isWhole = Math.abs(next - this.fit) < 1e-6;
    this.draw();
  }

  closer(point) { this.to(this.scale * STEP, point); }

  further(point) { this.to(this.scale / STEP, point); }

  /* Whole, or one pixel of the picture for one of the screen. */
  toggle(point) {
    if (!this.isWhole) this.whole();
    else this.to(this.fit < 1 ? 1 : this.fit * 4, point);
  }

  pan(x, y) {
    this.at = [this.at[0] + x, this.at[1] + y];
    this.draw();
  }

  draw() {
    const [width, height] = this.size;
    const room = [Math.max(0, width * this.scale - this.box.clientWidth) / 2, Math.max(0, height * this.scale - this.box.clientHeight) / 2];
    this.at = this.at.map((one, axis) => Math.min(room[axis], Math.max(-room[axis], one)));
    const { style } = this.img;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform = `translate(-50%, -50%) translate(${this.at[0]}px, ${this.at[1]}px) scale(${this.scale})`;
    style.imageRendering = this.scale * devicePixelRatio >= 4 ? "pixelated" : "auto";
    this.box.classList.toggle("zoomed", !this.isWhole);
    this.zoomed(this.scale, this.isWhole);
  }

  point(event) {
    const box = this.box.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0022; // a pinch on a touchpad comes as small turns with Control
    this.to(this.scale * Math.exp(-Math.max(-200, Math.min(200, event.deltaY * lines)) * speed), this.point(event));
  }

  down(event) {
    if (event.button !== 0) return;
    this.box.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.point(event));
    this.began = this.pointers.size === 1 ? this.point(event) : null;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.point(event);
    if (this.pointers.size === 1) {
      if (!this.isWhole) this.pan(now[0] - before[0], now[1] - before[1]);
    } else {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      const length = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
      const middle = (one) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
      const [from, to] = [middle(before), middle(now)];
      this.at = [this.at[0] + to[0] - from[0], this.at[1] + to[1] - from[1]];
      this.to(this.scale * (length(now) / Math.max(1, length(before))), to);
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    const last = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (last && this.began && this.isWhole && event.pointerType === "touch" && event.type === "pointerup") {
      const [x, y] = [last[0] - this.began[0], last[1] - this.began[1]];
      if (Math.abs(x) > SWIPE && Math.abs(x) > 2 * Math.abs(y)) this.swiped(x < 0 ? 1 : -1);
    }
    this.began = null;
  }
}

/* Buttons and keys of a viewer; digits from 1 on are left to others. */
export function controls(viewer, place) {
  const act = { in: () => viewer.closer(), out: () => viewer.further(), whole: () => viewer.whole(), real: () => viewer.to(1) };
  for (const button of place.querySelectorAll("button[data-zoom]")) button.addEventListener("click", act[button.dataset.zoom]);
  const pan = (x, y) => () => (viewer.isWhole ? false : viewer.pan(x * viewer.box.clientWidth / 5, y * viewer.box.clientHeight / 5));
  return {
    "+": ["closer", act.in],
    "-": ["further", act.out],
    0: ["the whole picture", act.whole],
    z: ["whole, or at its real size", () => viewer.toggle()],
    "Shift+ArrowLeft": ["move the view left", pan(1, 0)],
    "Shift+ArrowRight": ["move the view right", pan(-1, 0)],
    "Shift+ArrowUp": ["move the view up", pan(0, 1)],
    "Shift+ArrowDown": ["move the view down", pan(0, -1)],
  };
}
