// The variables of a board: what can be chosen, what is chosen, and what stands for it in queries and links.
import { prometheus } from "./api.js";
import { inQuery, interpolate } from "./interpolate.js";
import { builtIns } from "./queries.js";

export const ALL = "$__all";

const SORTS = {
  1: (a, b) => a.localeCompare(b),
  2: (a, b) => b.localeCompare(a),
  3: (a, b) => parseFloat(a) - parseFloat(b) || a.localeCompare(b),
  4: (a, b) => parseFloat(b) - parseFloat(a) || b.localeCompare(a),
};
const LIST_STEP = 60; // seconds: a list has no width in pixels that a step could follow from
const ON_TIME = 2; // Grafana's number for lists that are read again with the time range

/** The variables of one board and their values. */
export class Variables {
  constructor(definitions, parameters, login) {
    this.login = login;
    this.list = definitions.map((definition) => ({
      definition,
      name: definition.name,
      options: [],
      value: undefined,
      error: null,
      given: parameters.getAll(`var-${definition.name}`),
    }));
  }

  find(name) {
    return this.list.find((one) => one.name === name);
  }

  /** Fill all lists, each with the choices made before it. */
  async load(range) {
    for (const one of this.list) await this.#load(one, range, true);
  }

  /** Fill the lists again that go by the time range, or by a variable that has changed. */
  async refresh(range, changed = null) {
    const stale = new Set(changed ? [changed] : []);
    for (const one of this.list) {
      const byTime = !changed && one.definition.type === "query" && one.definition.refresh === ON_TIME;
      const byOther = [...stale].some((name) => uses(one.definition, name));
      if (!byTime && !byOther) continue;
      const before = JSON.stringify(one.value);
      await this.#load(one, range, false);
      if (JSON.stringify(one.value) !== before) stale.add(one.name);
    }
  }

  async #load(one, range, first) {
    one.error = null;
    try {
      one.options = await this.#options(one.definition, range);
    } catch (error) {
      one.error = error.message;
      one.options = [];
    }
    if (first && one.given.length) one.value = this.#fit(one.definition, one.given);
    else if (one.value === undefined || !this.#holds(one)) one.value = this.#initial(one, first);
  }

  #holds({ definition, options, value }) {
    if (!["query", "custom", "interval"].includes(definition.type)) return true;
    const chosen = [value].flat();
    return chosen[0] === ALL || (chosen.length > 0 && chosen.every((each) => options.includes(each)));
  }

  #fit(definition, given) {
    const all = given.includes(ALL) || given.includes("All");
    if (definition.multi) return all && definition.includeAll ? [ALL] : given;
    return all && definition.includeAll ? ALL : given[0];
  }

  #initial({ definition, options }, first) {
    const current = [definition.current?.value ?? []].flat();
    if (["textbox", "constant"].includes(definition.type)) return current[0] ?? definition.query ?? "";
    if (definition.type === "datasource") return current[0] ?? "";
    const known = current.filter((each) => options.includes(each) || (each === ALL && definition.includeAll));
    const chosen = first && known.length ? known : options.length ? [options[0]] : [""];
    return definition.multi ? chosen : chosen[0];
  }

  async #options(definition, range) {
    if (definition.type === "custom" || definition.type === "interval") {
      return definition.query.split(",").map((each) => each.trim()).filter(Boolean);
    }
    if (definition.type !== "query") return [];
    const own = builtIns(range, LIST_STEP, LIST_STEP);
    const text = interpolate(definition.query, (name) => (Object.hasOwn(own, name) ? own[name] : this.look(name)), inQuery);
    const found = picked(await answers(text, range), definition.regex);
    return definition.sort ? found.sort(SORTS[definition.sort]) : found;
  }

  /** Return what stands for a name: a value, several as an array, `{pattern}` for all; undefined for no variable. */
  look(name, format) {
    if (name === "__user.login") return this.login;
    const one = this.find(name);
    if (!one) return undefined;
    const { definition, options, value } = one;
    if ([value].flat()[0] !== ALL) return value;
    if (format === "queryparam") return ALL;
    if (format === "text") return "All";
    return definition.allValue ? { pattern: definition.allValue, toString: () => definition.allValue } : options;
  }

  /** Return the choices as parameters of a URL. */
  parameters() {
    return this.list
      .filter(({ definition }) => definition.type !== "constant")
      .flatMap(({ name, value }) => [value].flat().map((each) => [`var-${name}`, each ?? ""]));
  }
}

const uses = (definition, name) => new RegExp(`\\$(\\{${name}[}:]|${name}\\b)`).test(definition.query ?? "");

async function answers(text, { from, to }) {
  const when = { start: from / 1000, end: to / 1000 };
  const values = /^label_values\((?:(.*),)?\s*([A-Za-z_]\w*)\s*\)$/s.exec(text);
  if (values) {
    const match = values[1] ? { "match[]": values[1].trim() } : {};
    return prometheus(`label/${values[2]}/values`, { ...match, ...when });
  }
  const query = /^query_result\((.*)\)$/s.exec(text);
  if (!query) throw new Error(`This list is asked in a way that is not known here: ${text}`);
  const { result } = await prometheus("query", { query: query[1], time: to / 1000 });
  return result.map(({ metric, value }) => {
    const { __name__: metricName = "", ...labels } = metric;
    const inside = Object.entries(labels).map(([label, each]) => `${label}="${each}"`).join(",");
    return `${metricName}{${inside}} ${value[1]} ${value[0] * 1000}`;
  });
}

function picked(texts, regex) {
  const match = /^\/(.*)\/([gimsuy]*)$/s.exec(regex ?? "");
  if (!regex) return [...new Set(texts)];
  const expression = match ? new RegExp(match[1], match[2].replace("g", "")) : new RegExp(regex);
  const found = texts.map((text) => expression.exec(text)).filter(Boolean);
  return [...new Set(found.map((one) => one.groups?.value ?? one[1] ?? one[0]))];
}
