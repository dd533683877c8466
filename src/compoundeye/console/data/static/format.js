/* Numbers, sizes and times as people read them; the same words as the command line uses. Nothing known: a dash. */
const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const units = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "KB"]];
const none = (value) => value === null || value === undefined || Number.isNaN(value);

export function number(value, digits = null) {
  if (none(value)) return "-";
  if (digits === null) return Number.isInteger(value) ? counts.format(value) : Number(value.toPrecision(4)).toString();
  return value.toFixed(digits);
}

export function bytes(value) {
  if (none(value)) return "-";
  const [scale, unit] = units.find(([least]) => value >= least) ?? [1, "bytes"];
  return `${scale === 1 ? value : Number((value / scale).toPrecision(3))} ${unit}`;
}

export function percent(share, digits = 1) {
  return none(share) ? "-" : `${(100 * share).toFixed(digits)} %`;
}

/* 2026-03-01 14:05, in the reader's time zone. A day alone ("2026-03-01") stays what it is. */
export function date(iso) {
  if (none(iso)) return "-";
  if (/^\d{4}-\d\d-\d\d$/.test(iso)) return iso;
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return "-";
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function ago(iso) {
  if (none(iso)) return "-";
  const seconds = (Date.now() - new Date(iso).getTime()) / 1000;
  return seconds < 60 ? "just now" : `${duration(seconds)} ago`;
}

/* 45 s, 3:20, 5 h 02 min, 3 d 4 h. */
export function duration(seconds) {
  if (none(seconds)) return "-";
  const all = Math.round(seconds);
  const [days, hours, minutes] = [Math.floor(all / 86400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60];
  const two = (value) => String(value).padStart(2, "0");
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${two(minutes)} min`;
  return minutes ? `${minutes}:${two(all % 60)}` : `${all} s`;
}

export function rate(each, what = "pictures") {
  return none(each) ? "-" : `${each >= 100 ? counts.format(each) : Number(each.toPrecision(3))} ${what}/s`;
}
