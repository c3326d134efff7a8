// Series over time: lines, areas, bars and points, side by side or stacked.
import { colour, faded } from "../colours.js";
import { el } from "../dom.js";
import { colourOf, configOf, display, nameOf } from "../fields.js";
import { legend, plainText, plot, widthOf } from "../plot.js";
import { reduce } from "../queries.js";
import { axis } from "../units.js";

const CROWD = 100; // series, from which on lines of one colour are drawn at once, and nothing is filled

export async function draw(body, panel, data, board) {
  const all = data.frames.map((frame, place) => seriesOf(panel, frame, place)).filter((one) => !one.custom.hideFrom?.viz);
  const box = el("div", { class: "plot" });
  const hidden = board.hiddenIn(panel);
  const state = { drop: () => {} };
  const redraw = async () => {
    state.drop();
    const shown = all.filter(({ key }) => !hidden.has(key));
    state.list?.remove();
    state.list = listOf(panel, all, hidden, redraw);
    body.append(state.list);
    state.drop = await plot(box, chart(panel, shown, data, board));
  };
  body.classList.add("charted");
  if (panel.options.legend?.placement === "right") body.classList.add("beside");
  body.append(box);
  await redraw();
  return () => state.drop();
}

function seriesOf(panel, frame, place) {
  const config = configOf(panel, frame.name, frame.refId);
  const name = nameOf(frame, config);
  const last = reduce(frame.values, "lastNotNull");
  return { frame, config, custom: config.custom ?? {}, name, key: `${frame.refId} ${name} ${place}`, shade: colourOf(config, place, last) };
}

function listOf(panel, all, hidden, onChange) {
  const { showLegend = true, displayMode, placement, calcs = [] } = panel.options.legend ?? {};
  if (!showLegend || displayMode === "hidden") return el("span");
  const entries = all
    .filter(({ custom }) => !custom.hideFrom?.legend)
    .map(({ key, name, shade, frame, config }) => ({
      key, name, shade,
      extra: calcs.map((calc) => display(config, reduce(frame.values, calc)).text).join(" · "),
    })); // prettier-ignore
  return legend(entries, { hidden, onChange, side: placement === "right" });
}

function chart(panel, shown, { step }, board) {
  const { from, to } = board.range;
  const stacked = stack(shown);
  const defaults = panel.fieldConfig?.defaults ?? {};
  const scale = scaleOf(defaults, stacked, board.plotHeight(panel));
  const traces = shown.length > CROWD ? crowd(stacked) : stacked.flatMap(tracesOf);
  const marks = board.marks;
  return {
    traces, from, to, marks,
    left: widthOf(scale.ticks.map(([, text]) => text)) + 14 + (defaults.custom?.axisLabel ? 16 : 0),
    yaxis: {
      range: [scale.low, scale.high],
      tickvals: scale.ticks.map(([value]) => value),
      ticktext: scale.ticks.map(([, text]) => text),
      ...(defaults.custom?.axisLabel ? { title: { text: plainText(defaults.custom.axisLabel) } } : {}),
    },
    layout: { barmode: "stack", bargap: 0.1, shapes: thresholdLines(defaults) },
    label: `${panel.title}: ${shown.length} series over time. The arrow keys read values.`,
    describe: (at) => describe(shown, at, step, panel),
    onZoom: (a, b) => board.setRange({ from: String(a), to: String(b) }),
  }; // prettier-ignore
}

/** Add to each series where it begins and ends above the axis: on those before it in its stack. */
function stack(shown) {
  const stacks = new Map();
  return shown.map((one) => {
    const { mode = "none", group } = one.custom.stacking ?? {};
    if (mode === "none") return { ...one, top: one.frame.values, base: null };
    const below = stacks.get(group) ?? one.frame.values.map(() => 0);
    const top = one.frame.values.map((value, i) => below[i] + (value ?? 0));
    stacks.set(group, top);
    return { ...one, top: top.map((value, i) => (one.frame.values[i] === null ? null : value)), base: below };
  });
}

function scaleOf(defaults, stacked, height) {
  let [low, high] = [Infinity, -Infinity];
  for (const { top, base } of stacked) {
    for (let i = 0; i < top.length; i++) {
      if (top[i] === null || !Number.isFinite(top[i])) continue;
      low = Math.min(low, base ? base[i] : top[i], top[i]);
      high = Math.max(high, top[i]);
    }
  }
  if (low > high) [low, high] = [0, 1];
  const { axisSoftMin, axisSoftMax } = defaults.custom ?? {};
  low = defaults.min ?? Math.min(low, axisSoftMin ?? low);
  high = Math.max(defaults.max ?? Math.max(high, axisSoftMax ?? high), low);
  if (low === high) high = low + (Math.abs(low) || 1);
  const found = axis(defaults.unit, low, high, Math.max(2, Math.min(6, Math.floor(height / 44))));
  return { ...found, low: defaults.min ?? found.low, high: defaults.max ?? found.high };
}

function tracesOf({ frame, custom, shade, top, base }) {
  const { drawStyle = "line", lineWidth = 1, fillOpacity = 0, spanNulls = false } = custom;
  const x = frame.times;
  if (drawStyle === "bars") {
    const y = base ? top.map((value, i) => (value === null ? null : value - base[i])) : top;
    const line = { color: shade, width: lineWidth };
    return [{ type: "bar", x, y, base, marker: { color: faded(shade, Math.max(0.3, fillOpacity / 100)), line } }];
  }
  const alone = top.map((value, i) => value !== null && (top[i - 1] ?? null) === null && (top[i + 1] ?? null) === null);
  const dots = drawStyle === "points" || alone.some(Boolean);
  const lines = {
    type: "scatter", x, y: top,
    mode: drawStyle === "points" ? "markers" : dots ? "lines+markers" : "lines",
    connectgaps: spanNulls,
    line: { color: shade, width: lineWidth, ...dash(custom), ...shape(custom) },
    ...(dots ? { marker: { color: shade, size: drawStyle === "points" ? 4 : alone.map((is) => (is ? 5 : 0)) } } : {}),
  }; // prettier-ignore
  return fillOpacity && drawStyle === "line" ? [area(x, top, base, faded(shade, fillOpacity / 100), custom), lines] : [lines];
}

const dash = ({ lineStyle }) => (lineStyle?.fill === "dash" ? { dash: "8px,6px" } : {});
const shape = ({ lineInterpolation }) => ({ stepAfter: { shape: "hv" }, stepBefore: { shape: "vh" } })[lineInterpolation] ?? {};

/** Return what lies between a series and what it stands on: a closed shape for each piece without a gap. */
function area(x, top, base, fillcolor, custom) {
  const [xs, ys] = [[], []];
  let piece = [];
  const close = () => {
    if (piece.length > 1) {
      xs.push(...piece.map((i) => x[i]), ...piece.toReversed().map((i) => x[i]), null);
      ys.push(...piece.map((i) => top[i]), ...piece.toReversed().map((i) => (base ? base[i] : 0)), null);
    }
    piece = [];
  };
  for (let i = 0; i < x.length; i++) {
    if (top[i] !== null) piece.push(i);
    else if (!custom.spanNulls) close();
  }
  close();
  return { type: "scatter", mode: "lines", x: xs, y: ys, fill: "toself", fillcolor, line: { width: 0, ...shape(custom) } };
}

/** Return the lines of very many series: those of one colour as one trace, with gaps between. */
function crowd(stacked) {
  const byShade = new Map();
  for (const { shade, frame, top, custom } of stacked) {
    const made = byShade.get(shade) ?? { type: "scatter", mode: "lines", x: [], y: [], connectgaps: false, line: { color: shade, width: Math.min(1, custom.lineWidth ?? 1) } };
    made.x.push(...frame.times, null);
    made.y.push(...top, null);
    byShade.set(shade, made);
  }
  return [...byShade.values()];
}

function thresholdLines({ custom, thresholds }) {
  if (custom?.thresholdsStyle?.mode !== "line") return [];
  return thresholds.steps
    .filter(({ value }) => value !== null)
    .map(({ value, color }) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: value, y1: value, line: { color: colour(color), width: 1.5, dash: "dash" },
    })); // prettier-ignore
}

function describe(shown, at, step, panel) {
  const times = shown[0]?.frame.times;
  if (!times?.length) return null;
  const i = Math.min(times.length - 1, Math.max(0, Math.round((at - times[0]) / step)));
  const single = panel.options.tooltip?.mode === "none" ? [] : shown;
  const lines = single
    .filter(({ frame, custom }) => frame.values[i] !== null && !custom.hideFrom?.tooltip)
    .sort((a, b) => b.frame.values[i] - a.frame.values[i])
    .map(({ frame, config, name, shade }) => [shade, name, display(config, frame.values[i]).text]);
  return { at: times[i], lines };
}
