// A table: sorted by a click on a column's head; cells with words, colours, bars and links.
import { colourOf, configOf, display, linksOf } from "../fields.js";
import { readableOn } from "../colours.js";
import { el, link } from "../dom.js";
import { rowsOf } from "../tables.js";

export function draw(body, panel, { frames, names }) {
  const { columns, rows } = rowsOf(panel, frames);
  const shown = columns.map((column) => withConfig(panel, column, rows)).filter(({ config }) => !config.custom?.hidden);
  const [by] = panel.options.sortBy ?? [];
  const order = { title: by?.displayName, down: by?.desc ?? false };
  const head = el("tr");
  const content = el("tbody");
  const fill = () => {
    head.replaceChildren(...shown.map((column) => heading(column, order, fill)));
    content.replaceChildren(...sorted(rows, shown, order).map((row) => line(row, shown, columns, names)));
  };
  fill();
  const scroller = el("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": panel.title });
  scroller.append(el("table", {}, el("thead", {}, head), content));
  body.append(scroller);
}

function withConfig(panel, { source, title }, rows) {
  const letter = /^Value #(.)$/.exec(source)?.[1] ?? panel.targets[0].refId;
  const config = configOf(panel, title, letter);
  const values = rows.map((row) => row[source]).filter((value) => typeof value === "number");
  const numeric = source.startsWith("Value") && rows.some((row) => typeof row[source] === "number");
  return { source, title, config, numeric, low: config.min ?? Math.min(0, ...values), high: config.max ?? Math.max(...values) };
}

function heading(column, order, fill) {
  const { title, numeric, config } = column;
  const mine = order.title === title;
  const sort = () => {
    order.down = mine ? !order.down : numeric;
    order.title = title;
    fill();
  };
  const arrow = mine ? el("span", { "aria-hidden": "true" }, order.down ? " ↓" : " ↑") : null;
  const button = el("button", { type: "button", on: { click: sort } }, title, arrow);
  const sorting = mine ? (order.down ? "descending" : "ascending") : "none";
  const cell = el("th", { scope: "col", class: side(config, numeric), "aria-sort": sorting }, button);
  if (config.custom?.width) cell.style.width = `${config.custom.width}px`;
  return cell;
}

function sorted(rows, shown, { title, down }) {
  const column = shown.find((one) => one.title === title);
  if (!column) return rows;
  const absent = (value) => value === null || value === undefined || value === "";
  return [...rows].sort((a, b) => {
    const [x, y] = [a[column.source], b[column.source]];
    if (absent(x) || absent(y)) return absent(x) - absent(y);
    const more = typeof x === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
    return down ? -more : more;
  });
}

function line(row, shown, columns, names) {
  return el("tr", {}, shown.map((column) => cell(row, column, columns, names)));
}

function cell(row, column, columns, names) {
  const { config, source, numeric } = column;
  const value = row[source] ?? null;
  const shown = display(config, value);
  const [first] = linksOf(config, (name, format) => ofRow(name, row, columns, column) ?? names(name, format));
  const text = first && shown.text ? link(shown.text, first.url, { title: first.title, blank: first.blank }) : shown.text;
  const type = config.custom?.cellOptions?.type;
  const wraps = config.custom?.wrapText || config.custom?.cellOptions?.wrapText;
  const made = el("td", { class: `${side(config, numeric)} ${wraps ? "wraps" : ""}`, title: shown.text });
  if (type === "gauge" && typeof value === "number") {
    const fill = el("span", { class: "fill" });
    fill.style.width = `${100 * Math.min(1, Math.max(0, (value - column.low) / (column.high - column.low || 1)))}%`;
    fill.style.background = colourOf(config, 0, value);
    made.append(el("span", { class: "gauge" }, el("span", { class: "track" }, fill), el("span", { class: "value" }, text)));
    return made;
  }
  made.append(text);
  if (type === "color-text" && shown.colour) made.style.color = shown.colour;
  if (type === "color-background" && shown.colour) {
    made.style.background = shown.colour;
    made.style.color = readableOn(shown.colour);
  }
  return made;
}

const side = ({ custom }, numeric) => (!custom?.align || custom.align === "auto" ? (numeric ? "right" : "left") : custom.align);

function ofRow(name, row, columns, own) {
  const other = /^__data\.fields\["(.+)"\](\.numeric|\.text)?$/.exec(name) ?? /^__data\.fields\.(\w+)()$/.exec(name);
  if (other) {
    const value = row[columns.find(({ title }) => title === other[1])?.source];
    return value ?? "";
  }
  if (name === "__value.raw" || name === "__value.numeric" || name === "__value.text") return row[own.source] ?? "";
  return undefined;
}
