// Time ranges as Grafana writes them: now-6h, now/d, milliseconds. All is in the reader's own time zone.

const UNITS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2592000, y: 31536000 };
const EXPRESSION = /^now(?:([+-])(\d+)([smhdwMy]))?(?:\/([smhdwMy]))?$/;

export const PRESETS = [
  ["now-15m", "Last 15 minutes"],
  ["now-1h", "Last hour"],
  ["now-3h", "Last 3 hours"],
  ["now-6h", "Last 6 hours"],
  ["now-12h", "Last 12 hours"],
  ["now-24h", "Last 24 hours"],
  ["now-2d", "Last 2 days"],
  ["now-7d", "Last 7 days"],
  ["now-30d", "Last 30 days"],
  ["now-90d", "Last 90 days"],
];
export const REFRESHES = ["", "10s", "30s", "1m", "5m", "15m"];

/** Return a moment in milliseconds; null where the text is none. `end` takes the end of a rounded period. */
export function moment(text, now = Date.now(), end = false) {
  if (/^\d{9,}$/.test(text)) return Number(text);
  const match = EXPRESSION.exec(text);
  if (!match) {
    const parsed = Date.parse(text);
    return Number.isNaN(parsed) ? null : parsed;
  }
  const date = new Date(now);
  if (match[1]) shift(date, Number(match[2]) * (match[1] === "-" ? -1 : 1), match[3]);
  if (match[4]) {
    floor(date, match[4]);
    if (end) shift(date, 1, match[4]), date.setMilliseconds(-1);
  }
  return date.getTime();
}

function shift(date, count, unit) {
  if (unit === "M") date.setMonth(date.getMonth() + count);
  else if (unit === "y") date.setFullYear(date.getFullYear() + count);
  else if (unit === "d" || unit === "w") date.setDate(date.getDate() + count * (unit === "w" ? 7 : 1));
  else date.setTime(date.getTime() + count * UNITS[unit] * 1000);
}

function floor(date, unit) {
  if (unit === "s") return date.setMilliseconds(0);
  if (unit === "m") return date.setSeconds(0, 0);
  if (unit === "h") return date.setMinutes(0, 0, 0);
  date.setHours(0, 0, 0, 0);
  if (unit === "w") date.setDate(date.getDate() - ((date.getDay() + 6) % 7));
  if (unit === "M" || unit === "y") date.setDate(1);
  if (unit === "y") date.setMonth(0);
  return date;
}

/** Return {from, to} in milliseconds of {from, to} in text; what is no time becomes the last six hours. */
export function resolve(raw, now = Date.now()) {
  const from = moment(raw.from, now);
  const to = moment(raw.to, now, true);
  return from !== null && to !== null && from < to ? { from, to } : { from: now - 6 * 3600_000, to: now };
}

/** Say a range in words. */
export function describe(raw) {
  const preset = raw.to === "now" && PRESETS.find(([from]) => from === raw.from);
  if (preset) return preset[1];
  return `${shown(raw.from)} to ${shown(raw.to)}`;
}

const shown = (text) => (/^\d{9,}$/.test(text) ? dateTime(Number(text)).slice(0, 16) : text);
const two = (number) => String(number).padStart(2, "0");

/** Return YYYY-MM-DD HH:mm:ss. */
export function dateTime(ms) {
  const d = new Date(ms);
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  return `${day} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** Return the seconds of a duration such as 30s or 1m. */
export function seconds(text) {
  const match = /^(\d+(?:\.\d+)?)(ms|[smhdwMy])$/.exec(text);
  if (!match) return 0;
  return match[2] === "ms" ? Number(match[1]) / 1000 : Number(match[1]) * UNITS[match[2]];
}

/** Write seconds as a duration of PromQL. */
export function duration(value) {
  for (const unit of ["d", "h", "m"]) {
    if (value >= UNITS[unit] && value % UNITS[unit] === 0) return `${value / UNITS[unit]}${unit}`;
  }
  return value >= 1 && Number.isInteger(value) ? `${value}s` : `${Math.max(1, Math.round(value * 1000))}ms`;
}

// Up to the first number, the second is taken: seconds, as Grafana rounds its intervals.
const ROUNDED = [
  [0.015, 0.01], [0.035, 0.02], [0.075, 0.05], [0.15, 0.1], [0.35, 0.2], [0.75, 0.5], [1.5, 1], [3.5, 2], [7.5, 5],
  [12.5, 10], [17.5, 15], [25, 20], [45, 30], [90, 60], [210, 120], [450, 300], [750, 600], [1050, 900], [1500, 1200],
  [2700, 1800], [5400, 3600], [9000, 7200], [16200, 10800], [32400, 21600], [64800, 43200], [604800, 86400],
  [2419200, 604800],
];

/** Return the round number of seconds that is nearest. */
export function rounded(value) {
  return (ROUNDED.find(([below]) => value < below) ?? [0, 2592000])[1];
}

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600,
  2592000, 7776000,
];

/** Return the ticks of a time axis: [seconds, text], at round local times. */
export function ticks(from, to, count) {
  const step = STEPS.find((one) => (to - from) / one <= count) ?? 31536000;
  const shift = new Date(from * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let t = Math.ceil((from - shift) / step) * step + shift; t <= to; t += step) {
    found.push([t, tickText(t, step, to - from)]);
  }
  return found;
}

function tickText(t, step, span) {
  const text = dateTime(t * 1000);
  if (step >= 86400) return text.slice(5, 10);
  if (step < 60) return text.slice(11);
  const time = text.slice(11, 16);
  return span > 86400 * 1.5 ? `${text.slice(5, 10)} ${time}` : time;
}
