// Words of the board itself.
import { markdown } from "../markdown.js";
import { el } from "../dom.js";
import { interpolate } from "../interpolate.js";

export function draw(body, panel, { names }) {
  body.append(el("div", { class: "words" }, markdown(interpolate(panel.options.content ?? "", names))));
}
