/* A stream's state in words. What an application tells is read by its form: lines with in and out, zones with now. */
import { number } from "./eye.js";

export const HEALTH = { good: ["well", "good"], doubt: ["look", "doubt"], wrong: ["fails", "wrong"] };
export const STATES = { running: ["running", "accent"], starting: ["starting", "doubt"], ended: ["ended", ""], failed: ["failed", "wrong"], new: ["not started", ""] };

const table = (value) => (value && typeof value === "object" ? Object.entries(value) : []);

/* ["north: 12 in, 3 out", "quay: 4"] */
export function counters(app) {
  return [
    ...table(app.lines).map(([name, one]) => `${name}: ${number(one.in)} ${one.in_name ?? "in"}, ${number(one.out)} ${one.out_name ?? "out"}`),
    ...table(app.zones).map(([name, one]) => `${name}: ${number(one.now)}`),
  ];
}

export const lines = (app) => table(app.lines);
export const zones = (app) => table(app.zones);

/* loitering -> "Loitering", wrong_way -> "Wrong way" */
export const named = (kind) => (kind ? kind[0].toUpperCase() + kind.slice(1).replaceAll("_", " ") : "");

/* { line: "north", direction: "in" } as "north, in"; numbers with their names. */
export function facts(values) {
  return Object.entries(values).slice(0, 6).map(([name, value]) => {
    const words = name.replace(/_(s|kmh|deg|m2)$/, "").replaceAll("_", " ");
    const unit = { _s: " s", _kmh: " km/h", _deg: "°", _m2: " m²" }[name.match(/_(s|kmh|deg|m2)$/)?.[0]] ?? "";
    if (typeof value === "number") return `${words} ${number(value)}${unit}`;
    return typeof value === "boolean" ? (value ? words : null) : value;
  }).filter(Boolean).join(", ");
}
