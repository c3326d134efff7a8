// $name, ${name} and ${name:format} in queries, titles and links.

const PLACE = /\$\{([^}]+?)(?::(\w+))?\}|\$(\w+)|\[\[(\w+)\]\]/g;

const many = (value) => (Array.isArray(value) ? value : [value]);
const pattern = (text) => String(text).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
const quoted = (text) => String(text).replace(/[\\"]/g, "\\$&");

// RFC 3986: also what encodeURIComponent leaves, since Grafana's links are made so.
const percent = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const FORMATS = {
  raw: (value) => many(value).join(","),
  text: (value) => many(value).join(" + "),
  csv: (value) => many(value).join(","),
  pipe: (value) => many(value).join("|"),
  regex: (value) => (Array.isArray(value) ? `(${value.map(pattern).join("|")})` : pattern(value)),
  percentencode: (value) => percent(many(value).join(",")),
  queryparam: (value, name) => many(value).map((one) => `var-${name}=${percent(one)}`).join("&"),
};

/** Put values for names; `look(name, format)` returns one, or undefined where the name is none. */
export function interpolate(text, look, usual = FORMATS.text) {
  return text.replace(PLACE, (all, braced, format, plain, old) => {
    const name = braced ?? plain ?? old;
    const value = look(name, format);
    if (value === undefined) return all;
    return format ? (FORMATS[format] ?? FORMATS.raw)(value, name) : usual(value, name);
  });
}

/** How values stand in PromQL: choices of several as a pattern, one as a string's content. */
export function inQuery(value) {
  if (value?.pattern !== undefined) return value.pattern; // what the board itself wrote for "all"
  if (!Array.isArray(value)) return quoted(value);
  const patterns = value.map((one) => quoted(pattern(one)));
  return patterns.length === 1 ? patterns[0] : `(${patterns.join("|")})`;
}
