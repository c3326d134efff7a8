// What stands above a board: its choices, its links, the time range, and how often it is asked again.
import { el, link, menu } from "./dom.js";
import { interpolate } from "./interpolate.js";
import { dateTime, describe, moment, PRESETS, REFRESHES, resolve } from "./time.js";
import { ALL } from "./variables.js";

const HIDDEN = 2; // Grafana's number for variables that are not shown

/** Return the controls of a board, for the state that it is in. */
export function controls(board, boards) {
  return [
    ...board.variables.list.filter(({ definition }) => isShown(definition)).map((one) => chooser(one, board)),
    ...(board.json.links ?? []).map((one) => boardLink(one, board, boards)),
    el("span", { class: "space" }),
    timePicker(board),
    refresher(board),
  ];
}

const isShown = ({ hide, type }) => hide !== HIDDEN && !["constant", "datasource"].includes(type);

function chooser(one, board) {
  const { definition, name, options, error } = one;
  const label = definition.label || name;
  const title = error ? `${label}: ${error}` : label;
  let control;
  if (definition.type === "textbox") {
    control = el("input", { type: "text", value: one.value, on: { change: (event) => board.choose(name, event.target.value) } });
  } else if (definition.multi) {
    return el("div", { class: `choice ${error ? "failed" : ""}` }, el("span", {}, label), several(one, label, board));
  } else {
    const known = options.includes(one.value) || one.value === ALL ? options : [one.value, ...options];
    const all = definition.includeAll ? [[ALL, "All"]] : [];
    const entries = [...all, ...known.map((each) => [each, each || "none"])];
    control = el("select", { on: { change: (event) => board.choose(name, event.target.value) } }, entries.map(([value, text]) => el("option", { value, selected: value === one.value }, text)));
  }
  return el("label", { class: `choice ${error ? "failed" : ""}`, title }, el("span", {}, label), control);
}

function several(one, label, board) {
  const { definition, name, options } = one;
  const chosen = [one.value].flat();
  const shown = chosen[0] === ALL ? "All" : chosen.join(" + ") || "none";
  const fill = (close) => {
    const known = [...new Set([...chosen.filter((each) => each !== ALL), ...options])];
    const entries = [...(definition.includeAll ? [[ALL, "All"]] : []), ...known.map((each) => [each, each])];
    const boxes = entries.map(([value, text]) => {
      const box = el("input", { type: "checkbox", value, checked: chosen.includes(value) });
      box.addEventListener("change", () => {
        const others = boxes.map((each) => each.firstChild).filter((each) => each !== box);
        if (value === ALL && box.checked) others.forEach((each) => (each.checked = false));
        else if (box.checked) others.filter((each) => each.value === ALL).forEach((each) => (each.checked = false));
      });
      return el("label", {}, box, text);
    });
    const apply = () => {
      const values = boxes.map((each) => each.firstChild).filter((each) => each.checked).map((each) => each.value);
      close();
      board.choose(name, values.length ? values : definition.includeAll ? [ALL] : options.slice(0, 1));
    };
    return [el("div", { class: "boxes" }, boxes), el("button", { type: "button", class: "main", on: { click: apply } }, "Show")];
  };
  return menu(shown, { title: `${label}: ${shown}`, className: "select", fill });
}

function boardLink({ type, title, url, tags = [], includeVars, keepTime, targetBlank, tooltip }, board, boards) {
  const parameters = new URLSearchParams();
  if (includeVars) board.variables.parameters().forEach(([name, value]) => parameters.append(name, value));
  if (keepTime) parameters.set("from", board.raw.from), parameters.set("to", board.raw.to);
  const more = parameters.size ? `?${parameters}` : "";
  if (type === "link") {
    const address = interpolate(url, (name, format) => board.look(name, format));
    return link(title, address + (more && (address.includes("?") ? `&${parameters}` : more)), { blank: targetBlank, title: tooltip || title, class: "button" });
  }
  const fill = () => boards
    .filter((one) => tags.every((tag) => one.tags.includes(tag)))
    .map((one) => link(one.title, `/d/${encodeURIComponent(one.uid)}${more}`, { blank: targetBlank, title: one.question, class: "entry" }));
  return menu(title, { className: "select", fill });
}

function timePicker(board) {
  const fill = (close) => {
    const set = (raw) => (close(), board.setRange(raw));
    const { from, to } = resolve(board.raw);
    const input = (label, value, ms) => {
      const box = el("input", { type: "text", value: /^\d{9,}$/.test(value) ? dateTime(ms) : value, "aria-label": label });
      return [el("label", { class: "field" }, el("span", {}, label), box), box];
    };
    const [first, start] = input("From", board.raw.from, from);
    const [second, end] = input("To", board.raw.to, to);
    const wrong = el("p", { class: "wrong", role: "alert" });
    const apply = (event) => {
      event.preventDefault();
      const [a, b] = [moment(start.value.trim()), moment(end.value.trim(), Date.now(), true)];
      if (a === null || b === null) wrong.textContent = "A time is 2026-01-31 08:00, now-6h or now/d.";
      else if (a >= b) wrong.textContent = "It has to begin before it ends.";
      else set({ from: written(start.value.trim(), a), to: written(end.value.trim(), b) });
    };
    return [
      el("form", { class: "absolute", on: { submit: apply } }, first, second, wrong, el("button", { class: "main" }, "Apply")),
      el("div", { class: "presets" }, PRESETS.map(([value, text]) => el("button", { type: "button", class: "entry", on: { click: () => set({ from: value, to: "now" }) } }, text))),
    ];
  };
  const zoom = (by, shift) => () => {
    const { from, to } = resolve(board.raw);
    const [middle, half] = [(from + to) / 2 + shift * (to - from), ((to - from) / 2) * by];
    board.setRange({ from: String(Math.round(middle - half)), to: String(Math.round(middle + half)) });
  };
  const step = (text, title, click) => el("button", { type: "button", title, "aria-label": title, on: { click } }, text);
  return el(
    "div", { class: "times" },
    step("‹", "Earlier", zoom(1, -0.5)),
    menu(describe(board.raw), { title: "Time range", className: "select", fill }),
    step("›", "Later", zoom(1, 0.5)),
    step("−", "Zoom out", zoom(2, 0)),
  ); // prettier-ignore
}

const written = (text, ms) => (text.startsWith("now") ? text : String(ms));

function refresher(board) {
  const values = REFRESHES.includes(board.refresh) ? REFRESHES : [...REFRESHES, board.refresh];
  const entries = values.map((value) => el("option", { value, selected: value === board.refresh }, value || "off"));
  return el(
    "div", { class: "times" },
    el("button", { type: "button", title: "Ask again now", "aria-label": "Ask again now", on: { click: () => board.reload() } }, "↻"),
    el("select", { "aria-label": "Ask again every", title: "Ask again every", on: { change: (event) => board.setRefresh(event.target.value) } }, entries),
  ); // prettier-ignore
}
