/*
The board: a frame, and over it the lines and zones as SVG in the pixels that their points are in. With a mouse or a
finger: put points, drag them, drag what lies between two to make another. With the keyboard: Enter begins and puts a
point where the cross is, arrows move the cross or the chosen point (Shift: ten times as far), Enter on the last point
ends, Escape gives up, Delete takes the point away.
*/
import { h, s } from "./eye.js";
import { arrow } from "./live-view.js";

const LEAST = { lines: 2, zones: 3, arrow: 2, point: 1 };
const MOST = 64;
const NEAR = 14; // pixels of the screen: a finger is wider than a point

export class Board {
  constructor(host, state, does) {
    Object.assign(this, { host, state, does, draft: null, cross: null, grabbed: null, point: null });
    this.canvas = h("canvas", { width: 16, height: 9, "aria-hidden": "true" });
    this.svg = s("svg", { tabindex: 0, role: "application", "aria-roledescription": "drawing board", "aria-label": "Frame with lines and zones. Enter puts a point, arrows move it, Escape ends.", preserveAspectRatio: "none" });
    host.append(this.canvas, this.svg);
    this.svg.addEventListener("pointerdown", (event) => this.down(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.up(event));
    this.svg.addEventListener("pointercancel", (event) => this.up(event));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(host);
  }

  picture(bitmap) {
    Object.assign(this.canvas, { width: bitmap.width, height: bitmap.height });
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    const [width, height] = this.state.frame;
    this.host.style.setProperty("aspect-ratio", `${width} / ${height}`);
  }

  get pixel() {
    return this.state.size[0] / Math.max(1, this.host.clientWidth);
  }

  /* A new line or zone: points are put until Enter, a double click, or a tap on the first one. */
  start(kind) {
    if (this.draft?.kind === kind) return this.stop();
    this.draft = { kind, points: [], done: (points) => this.does.add(kind, points) };
    return this.begin(kind, kind === "lines" ? "Put the points of the line; tap the last one again, or press Enter, to end." : "Put the corners; tap the first one, or press Enter, to close the zone.");
  }

  /* An arrow or a point of a rule. */
  ask(kind, done) {
    this.draft = { kind, points: [], done };
    return this.begin(null, kind === "arrow" ? "Put the start of the arrow, then its head." : "Put the point.");
  }

  begin(kind, text) {
    this.cross = this.state.size.map((one) => Math.round(one / 2));
    this.point = null;
    this.does.mode(kind);
    this.does.hint(text);
    this.host.classList.add("drawing");
    this.svg.focus();
    this.draw();
  }

  stop() {
    this.draft = null;
    this.cross = null;
    this.does.mode(null);
    this.does.hint("");
    this.host.classList.remove("drawing");
    this.draw();
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    return this.inside([((event.clientX - box.left) / box.width) * this.state.size[0], ((event.clientY - box.top) / box.height) * this.state.size[1]]);
  }

  inside([x, y]) {
    const [width, height] = this.state.size;
    return [Math.round(Math.min(Math.max(x, 0), width - 1)), Math.round(Math.min(Math.max(y, 0), height - 1))];
  }

  near(one, other) {
    return Math.hypot(one[0] - other[0], one[1] - other[1]) < NEAR * this.pixel;
  }

  down(event) {
    if (event.button) return;
    this.svg.focus({ preventScroll: true });
    const at = this.place(event);
    if (this.draft) {
      this.put(at);
      return;
    }
    const { handle, edge, shape } = event.target.dataset;
    const chosen = this.state.chosen && this.state[this.state.chosen.kind][this.state.chosen.at];
    if (handle !== undefined) this.grab(chosen, Number(handle), event);
    else if (edge !== undefined) {
      if (chosen.values.points.length >= MOST) return;
      const after = Number(edge) + 1;
      const points = [...chosen.values.points.slice(0, after), at, ...chosen.values.points.slice(after)];
      this.grab({ ...chosen, values: { ...chosen.values, points } }, after, event);
    } else if (shape !== undefined) {
      const [kind, index] = shape.split(" ");
      this.does.choose(kind, Number(index));
    } else this.does.choose(null);
  }

  grab(chosen, at, event) {
    this.grabbed = { at, points: chosen.values.points.map((one) => [...one]), moved: false };
    this.point = at;
    this.svg.setPointerCapture(event.pointerId);
    this.draw();
  }

  move(event) {
    if (this.draft && event.pointerType === "mouse") {
      this.cross = this.place(event);
      this.draw();
    }
    if (!this.grabbed) return;
    this.grabbed.points[this.grabbed.at] = this.place(event);
    this.grabbed.moved = true;
    this.draw();
  }

  up() {
    const held = this.grabbed;
    this.grabbed = null;
    if (held?.moved) this.points(held.points);
    else if (held) this.draw();
  }

  /* The chosen shape gets other points. */
  points(points) {
    const { kind, at } = this.state.chosen;
    this.does.change(() => {
      const one = this.state[kind][at];
      this.state[kind][at] = { ...one, values: { ...one.values, points } };
    });
  }

  put(at) {
    const { kind, points } = this.draft;
    const ends = points.length >= LEAST[kind] && (this.near(at, points.at(-1)) || (kind === "zones" && this.near(at, points[0])));
    if (ends) return this.finish();
    if (points.length && this.near(at, points.at(-1)) && this.pixel * NEAR > 1 && points.length < LEAST[kind]) return null; // a second tap of the same finger
    points.push(at);
    if (points.length === MOST || ((kind === "arrow" || kind === "point") && points.length === LEAST[kind])) return this.finish();
    return this.draw();
  }

  finish() {
    const { kind, points, done } = this.draft;
    if (points.length < LEAST[kind]) {
      this.does.hint(`${kind === "zones" ? "A zone" : "A line"} has ${LEAST[kind]} points or more.`);
      return;
    }
    this.stop();
    done(points);
  }

  key(event) {
    const step = event.shiftKey ? 10 : 1;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const chosen = this.state.chosen && this.state[this.state.chosen.kind][this.state.chosen.at];
    const scale = Math.max(1, Math.round(this.pixel * 2));
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.draft) {
      if (way) this.cross = this.inside([this.cross[0] + way[0] * scale, this.cross[1] + way[1] * scale]);
      else if (event.key === "Enter" || event.key === " ") {
        this.put(this.cross);
      } else if (event.key === "Backspace") this.draft.points.pop();
      else if (event.key === "Escape") this.stop();
      else return;
      this.does.hint(this.draft ? `Cross at ${this.cross.join(", ")}; ${this.draft.points.length} points. Enter puts a point; on the last one it ends.` : "");
      this.draw();
    } else if (chosen && (event.key === "Enter" || event.key === " ")) {
      this.point = ((this.point ?? -1) + 1) % chosen.values.points.length;
      this.does.hint(`Point ${this.point + 1} of ${chosen.values.points.length}: arrows move it, Delete takes it away, Enter goes to the next.`);
      this.draw();
    } else if (chosen && way && this.point !== null) {
      const points = chosen.values.points.map((one) => [...one]);
      points[this.point] = this.inside([points[this.point][0] + way[0] * scale, points[this.point][1] + way[1] * scale]);
      this.points(points);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      if (chosen && this.point !== null && chosen.values.points.length > LEAST[this.state.chosen.kind]) {
        const points = chosen.values.points.filter((_, at) => at !== this.point);
        this.point = null;
        this.points(points);
      } else this.does.remove();
    } else if (event.key === "Escape" && chosen) this.does.choose(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  draw() {
    const { state } = this;
    if (!state.size) return;
    this.svg.setAttribute("viewBox", `0 0 ${state.size.join(" ")}`);
    const pixel = this.pixel;
    const found = [];
    for (const kind of ["zones", "lines"]) {
      state[kind].forEach((one, at) => {
        const here = state.chosen?.kind === kind && state.chosen.at === at;
        found.push(...this.shape(kind, at, one, here, pixel));
      });
    }
    if (this.draft) found.push(...this.drafted(pixel));
    this.svg.replaceChildren(...found);
  }

  shape(kind, at, one, here, pixel) {
    const points = here && this.grabbed ? this.grabbed.points : one.values.points;
    if (!Array.isArray(points) || !points.every((point) => Array.isArray(point) && point.length === 2 && point.every(Number.isFinite))) return [];
    const closed = kind === "zones";
    const path = `M${points.map((point) => point.join(" ")).join("L")}${closed ? "Z" : ""}`;
    const colour = here ? "#f0e442" : closed ? "#56b4e9" : "#ffffff";
    const found = [
      s("path", { d: path, class: "shape-hit", fill: closed ? colour : "none", "fill-opacity": 0.16, stroke: "#000", "stroke-opacity": 0.6, "stroke-width": 5 * pixel, "stroke-linejoin": "round", dataset: { shape: `${kind} ${at}` } }),
      s("path", { d: path, fill: "none", stroke: colour, "stroke-width": 2.2 * pixel, "stroke-linejoin": "round", "pointer-events": "none" }),
      s("path", { d: path, class: "shape-hit", fill: "none", stroke: "transparent", "stroke-width": NEAR * pixel, dataset: { shape: `${kind} ${at}` } }),
    ];
    if (kind === "lines") found.push(...this.direction(points, one.values, colour, pixel));
    for (const value of Object.values(one.values)) found.push(...this.rule(value, pixel));
    const [x, y] = points.reduce((best, point) => (point[1] < best[1] ? point : best));
    found.push(this.text(one.name, x, y - 8 * pixel, colour, pixel));
    if (here) found.push(...this.handles(points, closed, pixel));
    return found;
  }

  /* To the side that is in: the right hand of who walks from the first point to the last, as a watch draws it. */
  direction(points, values, colour, pixel) {
    let best = null;
    for (let at = 1; at < points.length; at += 1) {
      const [from, to] = [points[at - 1], points[at]];
      const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
      if (!best || length > best.length) best = { from, to, length };
    }
    if (!best?.length) return [];
    const turn = values.flip ? -1 : 1;
    const middle = [(best.from[0] + best.to[0]) / 2, (best.from[1] + best.to[1]) / 2];
    const long = Math.min(best.length / 2, 34 * pixel);
    const head = [middle[0] - (turn * (best.to[1] - best.from[1]) * long) / best.length, middle[1] + (turn * (best.to[0] - best.from[0]) * long) / best.length];
    return [...this.arrowed(middle, head, colour, pixel), this.text(values.in_name ?? "in", head[0] + 5 * pixel, head[1] + 5 * pixel, colour, pixel)];
  }

  rule(value, pixel) {
    const { direction, head } = value && typeof value === "object" && !Array.isArray(value) ? value : {};
    return [
      ...(Array.isArray(direction) && direction.length === 2 ? this.arrowed(direction[0], direction[1], "#e69f00", pixel) : []),
      ...(Array.isArray(head) ? [s("circle", { cx: head[0], cy: head[1], r: 5 * pixel, fill: "#e69f00", stroke: "#000", "stroke-width": pixel, "pointer-events": "none" })] : []),
    ];
  }

  arrowed(from, to, colour, pixel) {
    const d = arrow(from, to, 9 * pixel);
    return [[5, "#000", 0.6], [2.2, colour, 1]].map(([width, stroke, opacity]) => s("path", { d, fill: "none", stroke, "stroke-opacity": opacity, "stroke-width": width * pixel, "stroke-linecap": "round", "stroke-linejoin": "round", "pointer-events": "none" }));
  }

  text(words, x, y, colour, pixel) {
    const size = 13 * pixel;
    const shown = words.length > 40 ? `${words.slice(0, 39)}…` : words;
    const left = Math.max(2 * pixel, Math.min(x, this.state.size[0] - shown.length * size * 0.6));
    return s("text", { x: left, y: Math.min(Math.max(y, size + pixel), this.state.size[1] - 3 * pixel), "font-size": size, fill: colour, stroke: "#000", "stroke-width": 3 * pixel, "stroke-opacity": 0.8, "paint-order": "stroke", "pointer-events": "none" }, shown);
  }

  handles(points, closed, pixel) {
    const middles = points.map((one, at) => [one, points[(at + 1) % points.length], at]).slice(0, closed ? points.length : -1);
    return [
      ...middles.map(([one, other, at]) => s("circle", { class: "handle", cx: (one[0] + other[0]) / 2, cy: (one[1] + other[1]) / 2, r: 5 * pixel, fill: "#fff", "fill-opacity": 0.6, stroke: "#000", "stroke-width": pixel, dataset: { edge: at } })),
      ...points.flatMap((one, at) => [
        s("circle", { cx: one[0], cy: one[1], r: 7 * pixel, fill: at === this.point ? "#d55e00" : "#f0e442", stroke: "#000", "stroke-width": 1.5 * pixel, "pointer-events": "none" }),
        s("circle", { class: "handle", cx: one[0], cy: one[1], r: NEAR * pixel, fill: "transparent", dataset: { handle: at } }),
      ]),
    ];
  }

  drafted(pixel) {
    const { points, kind } = this.draft;
    const shown = [...points, this.cross];
    const [x, y] = this.cross;
    return [
      s("path", { d: `M${shown.map((one) => one.join(" ")).join("L")}${kind === "zones" ? "Z" : ""}`, fill: kind === "zones" ? "#f0e442" : "none", "fill-opacity": 0.15, stroke: "#f0e442", "stroke-width": 2.2 * pixel, "stroke-dasharray": `${6 * pixel} ${4 * pixel}`, "pointer-events": "none" }),
      ...points.map((one) => s("circle", { cx: one[0], cy: one[1], r: 6 * pixel, fill: "#f0e442", stroke: "#000", "stroke-width": 1.5 * pixel, "pointer-events": "none" })),
      s("path", { d: `M${x - 9 * pixel} ${y}H${x + 9 * pixel}M${x} ${y - 9 * pixel}V${y + 9 * pixel}`, stroke: "#f0e442", "stroke-width": 2 * pixel, "pointer-events": "none" }),
    ];
  }
}
