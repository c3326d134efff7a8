// A band for each series, in pieces of one state.
import { colour, faded } from "../colours.js";
import { el } from "../dom.js";
import { configOf, display, nameOf } from "../fields.js";
import { legend, plainText, plot, widthOf } from "../plot.js";

const WIDEST_NAME = 0.3; // of the panel

export async function draw(body, panel, data, board) {
  const { step } = data;
  const { from, to } = board.range;
  const rows = data.frames.map((frame) => {
    const config = configOf(panel, frame.name, frame.refId);
    return { frame, config, name: nameOf(frame, config), pieces: piecesOf(frame, config, step) };
  });
  const box = el("div", { class: "plot" });
  box.style.minHeight = `${rows.length * 16 + 40}px`;
  body.classList.add("charted");
  body.append(box, words(panel, rows));
  const most = Math.floor(box.clientWidth * WIDEST_NAME);
  const names = rows.map(({ name }) => cut(name, most));
  const opacity = (panel.fieldConfig?.defaults?.custom?.fillOpacity ?? 80) / 100;
  return plot(box, {
    traces: [bars(rows, opacity, panel.options.rowHeight ?? 0.9)],
    from, to, marks: board.marks,
    left: widthOf(names) + 14,
    yaxis: { range: [rows.length - 0.5, -0.5], tickvals: rows.map((_, i) => i), ticktext: names.map(plainText), showgrid: false },
    layout: { barmode: "overlay" },
    label: `${panel.title}: states of ${rows.length} series over time. The arrow keys read them.`,
    describe: (at, near) => describe(rows, at, near, step),
    onZoom: (a, b) => board.setRange({ from: String(a), to: String(b) }),
  }); // prettier-ignore
}

function cut(name, most) {
  let text = name.slice(0, 120);
  while (text.length > 4 && widthOf([text]) > most) text = `${text.slice(0, -2)}…`.replace(/……$/, "…");
  return text;
}

/** Join neighbouring points of one state. */
function piecesOf(frame, config, step) {
  const pieces = [];
  frame.values.forEach((value, i) => {
    if (value === null) return;
    const shown = display(config, value);
    const start = frame.times[i];
    const before = pieces.at(-1);
    if (before && before.end === start && before.text === shown.text) before.end = start + step;
    else pieces.push({ start, end: start + step, text: shown.text, shade: shown.colour ?? colour(config.color?.fixedColor ?? "blue") });
  });
  return pieces;
}

function bars(rows, opacity, width) {
  const all = rows.flatMap(({ pieces }, row) => pieces.map((piece) => ({ ...piece, row })));
  return {
    type: "bar", orientation: "h", width,
    y: all.map(({ row }) => row),
    base: all.map(({ start }) => start),
    x: all.map(({ start, end }) => end - start),
    marker: { color: all.map(({ shade }) => faded(shade, opacity)), line: { width: 0 } },
  }; // prettier-ignore
}

function words(panel, rows) {
  if (panel.options.legend?.showLegend === false) return el("span");
  const seen = new Map(rows.flatMap(({ pieces }) => pieces.map(({ text, shade }) => [text, shade])));
  const entries = [...seen].map(([name, shade]) => ({ key: name, name, shade }));
  const list = legend(entries, { hidden: new Set(), onChange: () => {} });
  list.querySelectorAll("button").forEach((button) => (button.disabled = true));
  return list;
}

function describe(rows, at, near, step) {
  const row = rows[Math.min(rows.length - 1, Math.max(0, Math.floor(near * rows.length)))];
  if (!row) return null;
  const piece = row.pieces.find(({ start, end }) => start - step / 2 <= at && at < end);
  return { at, lines: [[piece?.shade ?? "transparent", row.name, piece?.text ?? "–"]] };
}
