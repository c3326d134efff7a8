// How the buckets of a histogram fill over time: darker is more.
import { css, theme } from "../colours.js";
import { el } from "../dom.js";
import { plot, widthOf } from "../plot.js";
import { fixed, format } from "../units.js";

const SCHEMES = {
  Blues: { dark: ["#10253f", "#1F60C4", "#8AB8FF", "#e8f1ff"], light: ["#e3eeff", "#8AB8FF", "#3274D9", "#08306b"] },
  Oranges: { dark: ["#3a1d05", "#E55400", "#FFB357", "#fff3e3"], light: ["#fff0dd", "#FFB357", "#FA6400", "#7f2704"] },
};

export async function draw(body, panel, data, board) {
  const { options } = panel;
  const unit = options.yAxis?.unit;
  const buckets = bucketsOf(data.frames, options.filterValues?.le ?? 0);
  const texts = buckets.map(({ le }) => (le === Infinity ? "more" : `≤ ${format(unit, le)}`));
  const { step } = data;
  const box = el("div", { class: "plot" });
  body.classList.add("charted");
  body.append(box);
  const every = Math.ceil((buckets.length * 18) / board.plotHeight(panel));
  const shown = texts.map((_, i) => i).filter((i) => i % every === 0);
  return plot(box, {
    traces: [trace(buckets, step, options.color?.scheme ?? "Blues")],
    from: board.range.from,
    to: board.range.to,
    marks: board.marks,
    left: widthOf(texts) + 14,
    yaxis: { range: [-0.5, buckets.length - 0.5], tickvals: shown, ticktext: shown.map((i) => texts[i]), showgrid: false },
    label: `${panel.title}: how many fell into which of ${buckets.length} ranges over time. The arrow keys read them.`,
    describe: (at, near) => describe(buckets, texts, at, near, step),
    onZoom: (a, b) => board.setRange({ from: String(a), to: String(b) }),
  });
}

/** Sort the buckets, take from each what the one below counted already, and leave out what is as good as nothing. */
function bucketsOf(frames, least) {
  const bound = (frame) => (frame.labels.le === "+Inf" ? Infinity : Number(frame.labels.le));
  const sorted = [...frames].sort((a, b) => bound(a) - bound(b));
  return sorted.map((frame, place) => ({
    le: bound(frame),
    times: frame.times,
    values: frame.values.map((value, i) => {
      if (value === null) return null;
      const own = value - (place ? (sorted[place - 1].values[i] ?? 0) : 0);
      return own > least ? own : null;
    }),
  }));
}

function trace(buckets, step, scheme) {
  const scale = SCHEMES[scheme][theme()];
  return {
    type: "heatmap",
    x: (buckets[0]?.times ?? []).map((t) => t - step / 2), // a point tells of the step before it
    y: buckets.map((_, i) => i),
    // The square root of a count, so that few are seen beside many.
    z: buckets.map(({ values }) => values.map((value) => (value === null ? null : Math.sqrt(value)))),
    colorscale: scale.map((shade, i) => [i / (scale.length - 1), shade]),
    zmin: 0,
    showscale: false,
    hoverongaps: false,
    xgap: 1,
    ygap: 1,
  };
}

function describe(buckets, texts, at, near, step) {
  const times = buckets[0]?.times;
  if (!times?.length) return null;
  const i = Math.min(times.length - 1, Math.max(0, Math.ceil((at - times[0]) / step)));
  const row = Math.min(buckets.length - 1, Math.max(0, Math.floor((1 - near) * buckets.length)));
  const lines = [[css("--accent"), texts[row], fixed(buckets[row].values[i] ?? 0)]];
  return { at: times[i], lines };
}
