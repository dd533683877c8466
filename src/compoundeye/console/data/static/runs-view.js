/* A run in words and parts, the same wherever it is shown; and the curves of one or several. */
import { ago, api, duration, h, number, percent } from "./eye.js";
import { Chart } from "./chart.js";

const KINDS = { running: "accent", done: "good", failed: "wrong", killed: "wrong", interrupted: "doubt", unknown: "" };
const FIRST = ["loss", "accuracy"];
const PERCENT = new Set(["accuracy"]);
const EXACT = new Set(["learning_rate"]); // no measurement: there is nothing to smooth
const TONES = 6;

export const badge = (run) => h("span", { class: `badge ${KINDS[run.state] ?? ""}` }, run.state);
export const figure = (value) => (value === null || value === undefined ? "-" : Math.abs(value) < 1e-3 && value !== 0 ? value.toExponential(2) : number(Number(value.toPrecision(4))));
export const part = (value) => percent(value, 2);

export function progress(run) {
  const steps = run.steps === null ? number(run.step) : `${number(run.step)} of ${number(run.steps)}`;
  return run.state === "running" && run.left_s !== null ? `${steps}, ${duration(run.left_s)} left` : steps;
}

export function bar(run, element = h("progress", { "aria-label": `Steps of ${run.name}` })) {
  element.hidden = run.state !== "running" || !run.steps;
  element.max = run.steps || 1;
  element.value = run.step;
  return element;
}

export const began = (run) => (run.started ? ago(run.started) : "-");

/* A setting as somebody at a terminal writes it. */
export function plain(value) {
  if (value === null || value === undefined) return "-";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/* How curves are shown, as the address has it. */
class Look {
  constructor(form, changed) {
    const given = new URLSearchParams(location.search);
    const { axis, log, smoothing } = form.elements;
    log.checked = given.get("log") === "true";
    smoothing.value = given.get("smoothing") ?? smoothing.value;
    for (const one of axis) one.checked = one.value === (given.get("axis") ?? "step");
    Object.assign(this, { form });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      const address = new URLSearchParams(location.search);
      const keep = (name, value, usual) => { if (value === usual) address.delete(name); else address.set(name, value); };
      keep("axis", this.axis, "step");
      keep("log", String(this.log), "false");
      keep("smoothing", String(this.smoothing), smoothing.defaultValue);
      const text = address.toString();
      history.replaceState(null, "", location.pathname + (text ? `?${text}` : "") + location.hash);
      this.words();
      changed();
    });
    this.words();
  }

  get axis() { return [...this.form.elements.axis].find((one) => one.checked)?.value ?? "step"; }
  get log() { return this.form.elements.log.checked; }
  get smoothing() { return Number(this.form.elements.smoothing.value); }
  words() { this.form.querySelector("output").textContent = this.smoothing ? this.smoothing.toFixed(2) : "none"; }
}

/* A chart for each number that any of the runs measured; runs are told apart by colour, validation by points. */
class Courses {
  constructor(host, names, look) {
    Object.assign(this, { host, names, look, charts: new Map(), known: [], asked: "" });
  }

  async load(metrics = null) {
    const params = { axis: this.look.axis, metric: metrics };
    this.known = await Promise.all(this.names.map((name) => api(`runs/${encodeURIComponent(name)}/curves`, { params, quiet: true })));
    this.draw();
  }

  draw() {
    const across = this.look.axis === "step" ? "step" : "picture";
    const metrics = [...new Set(this.known.flatMap((run) => run.series.map((one) => one.name)))];
    metrics.sort((one, other) => rank(one) - rank(other));
    for (const metric of metrics) {
      const lines = this.known.flatMap((run, at) => run.series.filter((one) => one.name === metric && one.points).map((one) => this.line(one, at)));
      if (lines.every((line) => line.dots && line.y.every((value) => value === line.y[0])) && !FIRST.includes(metric)) continue; // how many were validated, say
      if (!this.charts.has(metric)) {
        const place = h("section", { class: "card", "aria-label": metric.replaceAll("_", " ") });
        this.host.append(place);
        const chart = new Chart(place, { title: metric.replaceAll("_", " "), across, format: PERCENT.has(metric) ? part : figure });
        if (PERCENT.has(metric)) chart.tick = (value) => `${Number((100 * value).toPrecision(4))} %`;
        this.charts.set(metric, chart);
      }
      const chart = this.charts.get(metric);
      chart.across = across;
      chart.show(lines, { log: this.look.log && !PERCENT.has(metric), smoothing: EXACT.has(metric) ? 0 : this.look.smoothing });
    }
  }

  line(one, at) {
    const several = this.names.length > 1;
    const validated = one.split !== "train";
    const what = one.split === "train" ? "training" : one.split;
    return {
      name: several ? `${this.names[at]}, ${what}` : what,
      tone: several ? (at % TONES) + 1 : validated ? 2 : 1,
      dashed: several && at >= TONES,
      dots: validated, joined: validated,
      x: one.x, y: one.y, low: validated ? null : one.low, high: validated ? null : one.high,
    };
  }
}

function rank(metric) {
  const at = FIRST.indexOf(metric);
  return at < 0 ? FIRST.length : at;
}

/* The curves of a page about runs, drawn as its form says; returns what asks for them anew. */
export function curves(names) {
  const place = (id) => document.getElementById(id);
  let axis = null;
  const load = async () => {
    axis = look.axis;
    await courses.load();
    place("no-curves").hidden = courses.charts.size > 0;
  };
  const look = new Look(place("look"), () => (look.axis === axis ? courses.draw() : load()));
  const courses = new Courses(place("curves"), names, look);
  return load;
}
