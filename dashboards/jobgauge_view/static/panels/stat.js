// One number, or one word, a series.
import { colour, readableOn } from "../colours.js";
import { el, link } from "../dom.js";
import { configOf, display, linksOf, nameOf, ofField } from "../fields.js";
import { reduce } from "../queries.js";

export function draw(body, panel, { frames, names }) {
  const { options } = panel;
  const calc = options.reduceOptions?.calcs?.[0] ?? "lastNotNull";
  const mode = options.textMode === "auto" ? (frames.length > 1 ? "value_and_name" : "value") : options.textMode;
  const tiles = frames.map((frame) => {
    const config = configOf(panel, frame.name, frame.refId);
    return tile(frame, config, display(config, reduce(frame.values, calc)), { mode, options, names });
  });
  body.append(el("div", { class: `stats ${mode === "name" ? "small" : ""}` }, tiles));
}

function tile(frame, config, shown, { mode, options, names }) {
  const name = nameOf(frame, config);
  const parts = [];
  if (mode !== "value") parts.push(sized(el("span", { class: "name" }, name), options.text?.titleSize));
  if (mode !== "name") parts.push(sized(el("span", { class: "value" }, shown.text), options.text?.valueSize));
  const [first] = linksOf(config, (each, format) => ofField(each, frame) ?? names(each, format));
  const box = first ? link("", first.url, { title: first.title, blank: first.blank }) : el("div");
  box.classList.add("tile");
  box.append(...parts);
  if (!box.title) box.title = `${name}: ${shown.text}`;
  else box.setAttribute("aria-label", `${name}: ${shown.text}. ${first.title}`);
  const chosen = shown.colour ?? colour("text");
  if (options.colorMode === "background" && shown.colour) {
    box.style.background = chosen;
    box.style.color = readableOn(chosen);
  } else if (options.colorMode === "value") {
    (parts.at(-1) ?? box).style.color = chosen;
  }
  return box;
}

function sized(element, size) {
  if (size) element.style.fontSize = `min(${size}px, 14cqw + 8px)`;
  return element;
}
