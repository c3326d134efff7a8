// Marks on the time axis of every panel of a board.
import { prometheus } from "./api.js";
import { inQuery, interpolate } from "./interpolate.js";
import { builtIns } from "./queries.js";
import { seconds } from "./time.js";

/** Return {marks, errors} of a board's annotations: {start, end, colour, text}, in milliseconds. */
export async function marksOf(definitions, { range, scrapeInterval, look }) {
  const wanted = definitions.filter((one) => one.enable);
  const answers = await Promise.allSettled(wanted.map((one) => ask(one, range, scrapeInterval, look)));
  return {
    marks: answers.flatMap((answer) => answer.value ?? []),
    errors: answers.flatMap((answer, i) => (answer.reason ? [`${wanted[i].name}: ${answer.reason.message}`] : [])),
  };
}

async function ask(definition, range, scrapeInterval, look) {
  // A mark is no finer than what can be seen of it.
  const step = Math.max(seconds(definition.step ?? "60s"), Math.ceil((range.to - range.from) / 1000 / 1000));
  const own = builtIns(range, step, scrapeInterval);
  const query = interpolate(definition.expr, (name) => (Object.hasOwn(own, name) ? own[name] : look(name)), inQuery);
  const start = Math.floor(range.from / 1000 / step) * step;
  const end = Math.ceil(range.to / 1000 / step) * step;
  const { result } = await prometheus("query_range", { query, start, end, step });
  return result.flatMap(({ metric, values }) => {
    const text = wording(definition, metric);
    const colour = definition.iconColor;
    if (definition.useValueForTime) {
      const moments = new Set(values.map(([, value]) => Math.floor(Number(value))).filter(Number.isFinite));
      return [...moments].map((ms) => ({ start: ms, end: ms, colour, text }));
    }
    return spans(values, step).map(([from, to]) => ({ start: from * 1000, end: to * 1000, colour, text }));
  });
}

function spans(values, step) {
  const found = [];
  for (const [time, value] of values) {
    if (!(Number(value) > 0)) continue;
    if (found.length && time - found.at(-1)[1] <= step) found.at(-1)[1] = time;
    else found.push([time, time]);
  }
  return found;
}

function wording({ name, titleFormat, textFormat }, labels) {
  const fill = (text) => (text ?? "").replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? "");
  return [fill(titleFormat) || name, fill(textFormat)].filter(Boolean).join(": ");
}
