// One horizontal bar a series.
import { el, link } from "../dom.js";
import { colourOf, configOf, display, linksOf, nameOf, ofField } from "../fields.js";
import { reduce } from "../queries.js";

export function draw(body, panel, { frames, names }) {
  const calc = panel.options.reduceOptions?.calcs?.[0] ?? "lastNotNull";
  const bars = frames.map((frame, place) => {
    const config = configOf(panel, frame.name, frame.refId);
    return { frame, config, place, value: reduce(frame.values, calc) };
  });
  const most = Math.max(0, ...bars.map(({ value }) => value ?? 0));
  body.append(el("div", { class: "bars" }, bars.map((bar) => row(bar, most, names))));
}

function row({ frame, config, place, value }, most, names) {
  const shown = display(config, value);
  const name = nameOf(frame, config);
  const low = config.min ?? 0;
  const share = value === null ? 0 : (value - low) / ((config.max ?? (most || 1)) - low);
  const fill = el("span", { class: "fill" });
  fill.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  fill.style.background = colourOf(config, place, value);
  const [first] = linksOf(config, (each, format) => ofField(each, frame) ?? names(each, format));
  const title = first ? link(name, first.url, { title: first.title, blank: first.blank }) : name;
  return el(
    "div",
    { class: "bar", title: `${name}: ${shown.text}` },
    el("span", { class: "name" }, title),
    el("span", { class: "track" }, fill),
    el("span", { class: "value" }, shown.text),
  );
}
