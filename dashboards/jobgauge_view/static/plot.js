// A plot over time: the library draws lines and areas; axes' texts, pointer, keys, zoom and marks are ours.
import { colour, css } from "./colours.js";
import { el } from "./dom.js";
import { dateTime, ticks } from "./time.js";

const TOP = 10, RIGHT = 12, BOTTOM = 26; // px around the plot
const MOST_LINES = 24; // in the card beside the pointer

/** Tells all plots of a page which moment the pointer is at. */
const pointer = new EventTarget();

let loading = null;

/** Return the chart library. It takes long to start, so begin with it while answers are on their way. */
export function library() {
  loading ??= new Promise((resolve, reject) => {
    const script = el("script", { src: "/static/charts.js" });
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => reject(new Error("The chart library could not be loaded. Load the page again.")));
    document.head.append(script);
  });
  return loading;
}

/**
 * Draw traces into a box, and keep them in its size. `describe(seconds)` returns what stands beside the pointer:
 * {at, title, lines: [[colour, name, text], ...]}; `onZoom(from, to)` takes milliseconds.
 */
export async function plot(box, { traces, from, to, yaxis, left, marks = [], label, describe, onZoom, layout = {} }) {
  const Plotly = await library();
  const area = el("div", { class: "area" });
  const overlay = el("div", { class: "overlay", tabindex: "0", role: "img", "aria-label": label });
  box.replaceChildren(area, overlay);
  let drawn = ""; // the size that it was drawn in
  const draw = () => {
    const { clientWidth: width, clientHeight: height } = box;
    if (drawn === `${width} ${height}`) return null;
    drawn = `${width} ${height}`;
    if (width < 60 || height < 40 || !box.isConnected) return null;
    overlay.style.inset = `${TOP}px ${RIGHT}px ${BOTTOM}px ${left}px`;
    const count = Math.max(2, Math.floor((width - left - RIGHT) / 90));
    const times = ticks(from / 1000, to / 1000, count);
    return Plotly.react(area, traces, {
      ...layout, width, height,
      margin: { l: left, r: RIGHT, t: TOP, b: BOTTOM },
      paper_bgcolor: "transparent", plot_bgcolor: "transparent", showlegend: false, hovermode: false,
      font: { family: css("--font"), size: 11, color: css("--muted") },
      xaxis: {
        range: [from / 1000, to / 1000], tickvals: times.map(([t]) => t), ticktext: times.map(([, text]) => text),
        gridcolor: css("--grid"), zeroline: false, fixedrange: true, tickangle: 0,
      },
      yaxis: { gridcolor: css("--grid"), zeroline: false, fixedrange: true, ...yaxis },
    }, { staticPlot: true, displayModeBar: false, responsive: false }); // prettier-ignore
  };
  await draw();
  overlay.append(...marks.map((mark) => markElement(mark, from, to)).filter(Boolean));
  const drop = watch(overlay, { from, to, describe, onZoom, marks });
  let waiting = 0;
  const resized = new ResizeObserver(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  });
  resized.observe(box);
  return () => {
    resized.disconnect();
    cancelAnimationFrame(waiting);
    drop();
    Plotly.purge(area);
  };
}

function markElement({ start, end, colour: name, text }, from, to) {
  if (end < from || start > to) return null;
  const at = (ms) => `${(100 * (Math.min(Math.max(ms, from), to) - from)) / (to - from)}%`;
  const made = el("div", { class: "mark", title: text });
  made.style.left = at(start);
  made.style.setProperty("--mark", colour(name));
  if (end > start) made.style.width = `calc(${at(end)} - ${at(start)})`;
  return made;
}

function watch(overlay, { from, to, describe, onZoom, marks }) {
  const line = el("div", { class: "crosshair", hidden: true });
  const chosen = el("div", { class: "chosen", hidden: true });
  const card = el("div", { class: "tip", hidden: true });
  overlay.append(line, chosen, card);
  let begun = null; // where a zoom began, as a share of the width
  let keyed = null; // the moment that the arrow keys are at

  const share = (event) => {
    const { left, width } = overlay.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - left) / width));
  };
  const show = (at, near) => {
    const told = describe(from / 1000 + at * ((to - from) / 1000), near);
    if (!told) return hide();
    line.hidden = false;
    line.style.left = `${(100 * (told.at * 1000 - from)) / (to - from)}%`;
    fillCard(card, told, marks.filter((mark) => about(mark, told.at * 1000, (to - from) / 100)));
    card.hidden = false;
    const { width } = overlay.getBoundingClientRect();
    const right = at * width + card.offsetWidth + 24 > width && at > 0.5;
    card.style.left = right ? "" : `${at * width + 14}px`;
    card.style.right = right ? `${(1 - at) * width + 14}px` : "";
    pointer.dispatchEvent(new CustomEvent("at", { detail: { from: overlay, ms: told.at * 1000 } }));
  };
  const hide = () => {
    line.hidden = card.hidden = true;
    pointer.dispatchEvent(new CustomEvent("at", { detail: { from: overlay, ms: null } }));
  };
  const follow = ({ detail }) => {
    if (detail.from === overlay) return;
    const inside = detail.ms !== null && detail.ms >= from && detail.ms <= to;
    line.hidden = !inside;
    if (inside) line.style.left = `${(100 * (detail.ms - from)) / (to - from)}%`;
  };
  const select = (a, b) => {
    chosen.hidden = Math.abs(a - b) < 0.005;
    chosen.style.left = `${100 * Math.min(a, b)}%`;
    chosen.style.width = `${100 * Math.abs(a - b)}%`;
  };
  const near = (event) => {
    const { top, height } = overlay.getBoundingClientRect();
    return (event.clientY - top) / height;
  };

  overlay.addEventListener("pointermove", (event) => {
    if (begun === null) show(share(event), near(event));
    else select(begun, share(event));
  });
  overlay.addEventListener("pointerleave", () => begun === null && hide());
  overlay.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    begun = share(event);
    overlay.setPointerCapture(event.pointerId);
  });
  overlay.addEventListener("pointerup", (event) => {
    if (begun === null) return;
    const [a, b] = [begun, share(event)].sort((x, y) => x - y);
    begun = null;
    chosen.hidden = true;
    if (b - a >= 0.005) onZoom(Math.round(from + a * (to - from)), Math.round(from + b * (to - from)));
  });
  overlay.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -0.01, ArrowRight: 0.01 }[event.key];
    if (by) {
      keyed = Math.min(1, Math.max(0, (keyed ?? 0.5) + by * (event.shiftKey ? 5 : 1)));
      show(keyed, 0.5);
      event.preventDefault();
    } else if (event.key === "Escape") hide();
  });
  overlay.addEventListener("blur", hide);
  pointer.addEventListener("at", follow);
  return () => pointer.removeEventListener("at", follow);
}

const about = ({ start, end }, ms, within) => ms >= start - within && ms <= Math.max(start, end) + within;

function fillCard(card, { at, lines }, marks) {
  const more = lines.length - MOST_LINES;
  const row = ([shade, name, text]) => {
    const swatch = el("span", { class: "swatch" });
    swatch.style.background = shade;
    return el("div", { class: "line" }, swatch, el("span", { class: "name" }, name), el("span", { class: "value" }, text));
  };
  card.replaceChildren(
    el("div", { class: "when" }, dateTime(at * 1000)),
    ...marks.map((mark) => row([colour(mark.colour), mark.text, ""])),
    ...lines.slice(0, MOST_LINES).map(row),
    ...(more > 0 ? [el("div", { class: "more" }, `and ${more} more`)] : []),
  );
}

// The library reads a little HTML, and formulas between dollars, in its own texts; ours are no such thing.
const ESCAPES = { "<": "&lt;", "&": "&amp;", $: "&#36;" };

/** Return a text as the library has to be given it to show it as it is. */
export const plainText = (text) => text.replace(/[<&$]/g, (sign) => ESCAPES[sign]);

let canvas = null;

/** Return how wide the longest of some texts is, in pixels. */
export function widthOf(texts) {
  canvas ??= document.createElement("canvas").getContext("2d");
  canvas.font = `11px ${css("--font")}`;
  return Math.ceil(Math.max(0, ...texts.map((text) => canvas.measureText(text).width)));
}

/** A list of series under a plot; a click shows one alone, with Ctrl or Shift it hides or shows one. */
export function legend(entries, { hidden, onChange, side }) {
  const buttons = entries.map(({ key, name, shade, extra }) => {
    const swatch = el("span", { class: "swatch" });
    swatch.style.background = shade;
    const shown = !hidden.has(key);
    const click = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) {
        if (hidden.has(key)) hidden.delete(key);
        else hidden.add(key);
      } else {
        const alone = shown && entries.every((one) => one.key === key || hidden.has(one.key));
        hidden.clear();
        if (!alone) entries.forEach((one) => one.key !== key && hidden.add(one.key));
      }
      onChange();
    };
    return el(
      "button",
      { type: "button", "aria-pressed": String(shown), title: name, on: { click } },
      swatch, el("span", { class: "name" }, name), extra ? el("span", { class: "value" }, extra) : null,
    ); // prettier-ignore
  });
  return el("div", { class: `legend ${side ? "side" : ""}` }, buttons);
}
