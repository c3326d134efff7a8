// The queries of a panel: their steps, their answers as series with times and values, or as rows.
import { prometheus } from "./api.js";
import { inQuery, interpolate } from "./interpolate.js";
import { duration, rounded, seconds } from "./time.js";

const MOST_POINTS = 11000; // that Prometheus gives of a series
const RATE_SCRAPES = 4; // scrapes within a $__rate_interval
const CELL_WIDTH = 8; // px of a heatmap's column; of a line each pixel has its point

/** Return the step of a panel so wide in pixels, in seconds. */
export function stepOf(panel, { from, to }, width, scrapeInterval) {
  const span = (to - from) / 1000;
  const points = panel.maxDataPoints ?? width / (panel.type === "heatmap" ? CELL_WIDTH : 1);
  const least = panel.interval ? seconds(panel.interval) : scrapeInterval;
  return Math.max(rounded(span / points), least, Math.ceil(span / MOST_POINTS));
}

/** Return what Grafana's own names stand for in queries. */
export function builtIns({ from, to }, step, scrapeInterval) {
  const span = Math.round((to - from) / 1000);
  const rate = Math.max(step + scrapeInterval, RATE_SCRAPES * scrapeInterval);
  return {
    __interval: duration(step),
    __interval_ms: step * 1000,
    __rate_interval: duration(rate),
    __range: `${span}s`,
    __range_s: span,
    __range_ms: span * 1000,
    __from: from,
    __to: to,
  };
}

/** Ask all queries of a panel; return a frame for each series, in the order of the queries. */
export async function ask(panel, { range, width, scrapeInterval, look }, signal) {
  const step = stepOf(panel, range, width, scrapeInterval);
  const own = builtIns(range, step, scrapeInterval);
  const names = (name, format) => (Object.hasOwn(own, name) ? own[name] : look(name, format));
  const wanted = (panel.targets ?? []).filter((target) => target.expr);
  const answers = await Promise.all(
    wanted.map((target) => one(target, interpolate(target.expr, names, inQuery), range, step, signal)),
  );
  return { frames: answers.flat(), step, names };
}

async function one(target, query, { from, to }, step, signal) {
  if (target.instant) {
    const { resultType, result } = await prometheus("query", { query, time: to / 1000 }, signal);
    const rows = resultType === "scalar" ? [{ metric: {}, value: result }] : result;
    return rows.map(({ metric, value }) => frame(target, query, metric, [value[0]], [number(value[1])]));
  }
  const start = Math.floor(from / 1000 / step) * step;
  const end = Math.floor(to / 1000 / step) * step;
  const { result } = await prometheus("query_range", { query, start, end, step }, signal);
  return result.map(({ metric, values }) => {
    const [times, found] = [[], []];
    // Every step has its place, so that a gap is seen as one.
    let at = 0;
    for (let t = start; t <= end; t += step) {
      while (at < values.length && values[at][0] < t - step / 2) at++;
      times.push(t);
      found.push(at < values.length && Math.abs(values[at][0] - t) < step / 2 ? number(values[at][1]) : null);
    }
    return frame(target, query, metric, times, found);
  });
}

function number(text) {
  if (text === "NaN") return null;
  return text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text);
}

function frame(target, query, labels, times, values) {
  return { refId: target.refId, name: nameOf(target.legendFormat, labels, query), labels, times, values };
}

/** Return the name of a series: its legend with its labels in it, else all its labels. */
export function nameOf(legend, labels, query) {
  if (legend && legend !== "__auto") {
    const text = legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => labels[label] ?? "");
    if (text) return text;
  }
  const { __name__: metric = "", ...others } = labels;
  const inside = Object.entries(others).map(([label, value]) => `${label}="${value}"`).join(", ");
  return metric || inside ? `${metric}{${inside}}` : query;
}

/** Return one number for a series. */
export function reduce(values, calc) {
  const there = values.filter((value) => value !== null);
  if (calc === "count") return there.length;
  if (!there.length) return null;
  const sum = () => there.reduce((a, b) => a + b, 0);
  const most = () => there.reduce((a, b) => Math.max(a, b));
  const least = () => there.reduce((a, b) => Math.min(a, b));
  const calcs = {
    lastNotNull: () => there.at(-1),
    last: () => values.at(-1),
    firstNotNull: () => there[0],
    max: most,
    min: least,
    mean: () => sum() / there.length,
    sum,
    range: () => most() - least(),
  };
  return calcs[calc]();
}
