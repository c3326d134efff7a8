// A little markdown: paragraphs, headings, lists, **bold**, *emphasis*, `code` and links. Everything else is text.
import { el, link } from "./dom.js";

const INLINE = /\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;

function inline(text) {
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(at, match.index));
    if (match[1]) parts.push(el("strong", {}, match[1]));
    else if (match[2]) parts.push(el("em", {}, match[2]));
    else if (match[3]) parts.push(el("code", {}, match[3]));
    else parts.push(link(match[4], match[5], { blank: true }));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

/** Return the elements that a text in markdown is shown as. */
export function markdown(text) {
  return text.split(/\n{2,}/).map((block) => {
    const heading = /^(#{1,4})\s+(.*)$/.exec(block);
    if (heading) return el(`h${Math.min(6, heading[1].length + 2)}`, {}, inline(heading[2]));
    const lines = block.split("\n");
    if (lines.every((line) => /^[-*] /.test(line))) {
      return el("ul", {}, lines.map((line) => el("li", {}, inline(line.slice(2)))));
    }
    return el("p", {}, inline(block.replaceAll("\n", " ")));
  });
}
