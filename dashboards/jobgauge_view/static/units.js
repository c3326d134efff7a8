// Numbers in words, as Grafana's units have them.
import { dateTime } from "./time.js";

const SHORT = ["", " K", " Mil", " Bil", " Tri", " Quadr", " Quint", " Sext", " Sept"];
const COUNTS = ["", "K", "M", "B", "T"];
const METRIC = ["f", "p", "n", "µ", "m", "", "k", "M", "G", "T", "P", "E"];
const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

// A unit turns a number into [the number to show, what stands behind it].
const scaled = (factor, names, offset = 0) => (value) => {
  const power = value === 0 ? 0 : Math.floor(Math.log(Math.abs(value)) / Math.log(factor) + 1e-12);
  const place = Math.min(Math.max(power + offset, 0), names.length - 1);
  return [value / factor ** (place - offset), names[place]];
};
const plain = (suffix) => (value) => [value, suffix];
const metric = (symbol, from = 0) => scaled(1000, METRIC.map((prefix) => ` ${prefix}${symbol}`), 5 + from);
const binary = (symbol) => scaled(1024, BINARY.map((prefix) => ` ${prefix}${symbol}`));
const counted = (symbol) => scaled(1000, COUNTS.map((prefix) => `${prefix} ${symbol}`));
const decimal = (symbol) => scaled(1000, METRIC.slice(5).map((prefix) => ` ${prefix}${symbol}`));

function seconds(value) {
  const size = Math.abs(value);
  if (size === 0) return [0, " s"];
  if (size < 1e-6) return [value * 1e9, " ns"];
  if (size < 1e-3) return [value * 1e6, " µs"];
  if (size < 1) return [value * 1e3, " ms"];
  if (size < 60) return [value, " s"];
  if (size < 3600) return [value / 60, " mins"];
  if (size < 86400) return [value / 3600, " hours"];
  if (size < 604800) return [value / 86400, " days"];
  if (size < 31536000) return [value / 604800, " weeks"];
  return [value / 31556900, " years"];
}

const SCALES = {
  none: plain(""),
  short: scaled(1000, SHORT),
  percent: plain("%"),
  percentunit: (value) => [value * 100, "%"],
  bytes: binary("B"),
  decbytes: decimal("B"),
  binBps: binary("B/s"),
  Bps: decimal("B/s"),
  ops: counted("ops/s"),
  opm: counted("ops/m"),
  reqps: counted("req/s"),
  hertz: metric("Hz"),
  ns: (value) => seconds(value / 1e9),
  ms: (value) => seconds(value / 1e3),
  s: seconds,
  watt: metric("W"),
  kwatth: metric("Wh", 1),
  joule: metric("J"),
  massg: metric("g"),
  celsius: plain(" °C"),
};

const PARTS = [
  ["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60],
  ["second", 1], ["millisecond", 0.001],
]; // prettier-ignore

function inParts(value, decimals) {
  if (value === 0) return "0 seconds";
  if (value < 0) return `${inParts(-value, decimals)} ago`;
  const found = [];
  let rest = value;
  for (const [name, size] of PARTS) {
    if (found.length > (decimals ?? 0)) break;
    const count = Math.floor(rest / size + 1e-9);
    if (count < 1 && !found.length) continue;
    found.push(`${count} ${name}${count === 1 ? "" : "s"}`);
    rest -= count * size;
  }
  return found.join(", ") || "0 milliseconds";
}

function fromNow(ms) {
  const away = (ms - Date.now()) / 1000;
  const size = Math.abs(away);
  const whole = (unit) => Math.max(1, Math.round(size / unit));
  let text;
  if (size < 45) text = "a few seconds";
  else if (size < 90) text = "a minute";
  else if (size < 45 * 60) text = `${whole(60)} minutes`;
  else if (size < 90 * 60) text = "an hour";
  else if (size < 22 * 3600) text = `${whole(3600)} hours`;
  else if (size < 36 * 3600) text = "a day";
  else if (size < 26 * 86400) text = `${whole(86400)} days`;
  else if (size < 46 * 86400) text = "a month";
  else if (size < 320 * 86400) text = `${whole(2629800)} months`;
  else if (size < 548 * 86400) text = "a year";
  else text = `${whole(31557600)} years`;
  return away < 0 ? `${text} ago` : `in ${text}`;
}

const WORDS = {
  "": (value) => (typeof value === "number" ? fixed(value) : String(value)),
  string: String,
  locale: (value, decimals) => value.toLocaleString(undefined, { maximumFractionDigits: decimals ?? 3 }),
  dtdurations: inParts,
  dateTimeAsIso: dateTime,
  dateTimeFromNow: fromNow,
};

/** The names of all units. */
export const UNITS = [...Object.keys(WORDS), ...Object.keys(SCALES)];

function automatic(value) {
  return value % 1 === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
}

/** Write a number with so many decimals, or as many as make two or three figures. */
export function fixed(value, decimals) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "-∞" : "NaN";
  return value.toFixed(Math.min(20, decimals ?? automatic(value)));
}

/** Write a value in a unit. */
export function format(unit, value, decimals) {
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return fixed(value);
  if (Object.hasOwn(WORDS, unit ?? "")) return WORDS[unit ?? ""](value, decimals);
  const [number, suffix] = SCALES[unit](value);
  return fixed(number, decimals) + suffix;
}

/** Return the ticks of an axis from `low` to `high`: [value, text], and where it ends. */
export function axis(unit, low, high, count) {
  const step = niceStep(unit, (high - low) / count);
  const first = Math.floor(low / step + 1e-9) * step;
  const found = [];
  for (let value = first; value < high + step * 0.999; value += step) {
    found.push(Math.abs(value) < step / 1e6 ? 0 : value);
    if (value >= high - step * 1e-6) break;
  }
  return { ticks: found.map((value) => [value, tickText(unit, value)]), low: first, high: found.at(-1) };
}

function tickText(unit, value) {
  if (Object.hasOwn(WORDS, unit ?? "")) return unit === "locale" || !unit ? fixed(value, exact(value)) : format(unit, value);
  const [number, suffix] = SCALES[unit](value);
  return fixed(number, exact(number)) + suffix;
}

function exact(number) {
  for (let decimals = 0; decimals < 6; decimals++) {
    if (Math.abs(number - Number(number.toFixed(decimals))) < Math.abs(number) * 1e-6) return decimals;
  }
  return undefined;
}

const CLOCK = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];

function niceStep(unit, rough) {
  if (unit === "s" && rough > 0.5) {
    const step = CLOCK.find((one) => one >= rough);
    if (step) return step;
  }
  if (unit === "bytes" || unit === "binBps") return 2 ** Math.max(0, Math.ceil(Math.log2(rough)));
  const power = 10 ** Math.floor(Math.log10(rough));
  const lead = rough / power;
  const nice = (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 2.5 ? 2.5 : lead <= 5 ? 5 : 10) * power;
  return Number.isFinite(nice) && nice > 0 ? nice : 1;
}
