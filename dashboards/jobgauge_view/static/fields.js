// How a value is shown: unit, decimals, words for numbers, thresholds, colours, links; defaults first, then overrides.
import { classic, colour } from "./colours.js";
import { interpolate } from "./interpolate.js";
import { format } from "./units.js";

/** Return the configuration of one field, given its name and its query's letter. */
export function configOf(panel, name, refId) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const config = structuredClone(defaults);
  for (const { matcher, properties } of overrides) {
    if ((matcher.id === "byName" ? name : refId) !== matcher.options) continue;
    for (const { id, value } of properties) set(config, id.split("."), value);
  }
  return config;
}

function set(config, path, value) {
  const last = path.pop();
  let at = config;
  for (const key of path) at = at[key] ??= {};
  at[last] = structuredClone(value);
}

/** Return how a series is called. */
export function nameOf(frame, config) {
  if (!config.displayName) return frame.name;
  return interpolate(config.displayName, (name) => ofField(name, frame) ?? "");
}

/** Return the colour of a series; `place` is where it stands among all. */
export function colourOf(config, place, value = null) {
  const mode = config.color?.mode;
  if (mode === "fixed") return colour(config.color.fixedColor);
  if (mode === "thresholds") return colour(threshold(config, value));
  return classic(place);
}

function threshold({ thresholds }, value) {
  const steps = thresholds?.steps ?? [{ color: "text" }];
  const passed = steps.filter((step) => step.value === null || (value !== null && value >= step.value));
  return (passed.at(-1) ?? steps[0]).color;
}

function mapped(mappings, value) {
  for (const { type, options } of mappings ?? []) {
    if (type === "value" && value !== null && Object.hasOwn(options, String(value))) return options[String(value)];
    if (type === "special" && isSpecial(options.match, value)) return options.result;
    if (type === "range" && typeof value === "number" && within(options, value)) return options.result;
  }
  return null;
}

const within = ({ from, to }, value) => (from ?? -Infinity) <= value && value <= (to ?? Infinity);

function isSpecial(match, value) {
  if (match === "null" || match === "null+nan") return value === null;
  if (match === "empty") return value === "";
  return (match === "true" && value === true) || (match === "false" && value === false);
}

/** Return a value as {text, colour}; colour is null where nothing but the usual one is meant. */
export function display(config, value) {
  const word = mapped(config.mappings, value);
  const byThreshold = config.color?.mode === "thresholds" || config.thresholds?.steps?.length > 1;
  const own = byThreshold && typeof value === "number" ? colour(threshold(config, value)) : null;
  if (word) {
    const text = word.text ?? (value === null ? "" : format(config.unit, value, config.decimals));
    return { text, colour: word.color ? colour(word.color) : own };
  }
  if (value === null || value === undefined || value === "") return { text: config.noValue ?? "", colour: null };
  return { text: format(config.unit, value, config.decimals), colour: own };
}

/** Return what ${__field...} stands for. */
export function ofField(name, frame) {
  const label = /^__field\.labels\.(.+)$/.exec(name) ?? /^__field\.labels\["(.+)"\]$/.exec(name);
  if (label) return frame.labels[label[1]] ?? "";
  if (name === "__field.name" || name === "__series.name") return frame.name;
  return undefined;
}

/** Return the links of a field, with `look` for the names in them. */
export function linksOf(config, look) {
  return (config.links ?? []).map(({ title, url, targetBlank }) => ({
    title: interpolate(title, look),
    url: interpolate(url, look, (value) => [value].flat().join(",")),
    blank: targetBlank,
  }));
}
