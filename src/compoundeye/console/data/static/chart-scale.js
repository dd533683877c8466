/* From values to places on a chart: linear or logarithmic, with ticks that people read. */

const STEPS = [1, 2, 2.5, 5, 10];

/* The round step that gives about so many parts. */
function step(span, parts, whole) {
  const rough = span / parts;
  const power = 10 ** Math.floor(Math.log10(rough));
  const found = STEPS.find((one) => one * power >= rough * (1 - 1e-9)) * power;
  return whole ? Math.max(1, Math.ceil(found)) : found;
}

/* { low, high, ticks, at(value) -> 0..1 } */
export function linear(low, high, parts, { whole = false, tight = false } = {}) {
  if (!(high > low)) [low, high] = [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  const by = step(high - low, parts, whole);
  if (!tight) [low, high] = [Math.floor(low / by + 1e-9) * by, Math.ceil(high / by - 1e-9) * by];
  const ticks = [];
  for (let number = Math.ceil(low / by - 1e-9); number * by <= high + by * 1e-9; number += 1) ticks.push(Number((number * by).toPrecision(12)));
  return { low, high, ticks, at: (value) => (value - low) / (high - low) };
}

/* Only for what is above 0. */
export function logarithmic(low, high, parts) {
  if (!(high > low)) [low, high] = [low / 2, high * 2];
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const digits = [[1], [1, 3], [1, 2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]];
  const all = (each) => {
    const found = [];
    for (let power = from; power <= to; power += 1) for (const one of each) found.push(Number((one * 10 ** power).toPrecision(6)));
    return found.filter((one) => one >= low * (1 - 1e-9) && one <= high * (1 + 1e-9));
  };
  const fitting = digits.map(all).reverse().find((one) => one.length <= parts + 2);
  let ticks = fitting ?? all([1]).filter((_, place, list) => place % Math.ceil(list.length / (parts + 2)) === 0);
  if (ticks.length < 2) ticks = linear(low, high, parts, { tight: true }).ticks.filter((one) => one > 0);
  const span = Math.log(high / low);
  return { low, high, ticks, at: (value) => Math.log(value / low) / span };
}

const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/* 12500 as 12.5k, 0.00025 as 2.5e-4: what fits beside an axis. */
export function short(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3) return value.toExponential(1).replace(".0e", "e");
  const [scale, unit] = PREFIXES.find(([least]) => size >= least) ?? [1, ""];
  return `${Number((value / scale).toPrecision(4))}${unit}`;
}

/* Exponential moving average without the pull of its start, as `eye runs --smoothing` does it; gaps stay. */
export function smoothed(values, weight) {
  if (!(weight > 0)) return values;
  let [mean, share] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    mean = weight * mean + (1 - weight) * value;
    share = weight * share + (1 - weight);
    return mean / share;
  });
}
