// Answers as the rows and columns of a table, and Grafana's transformations of them.

/** Return {columns, rows} of instant series: a row for each combination of labels, a column for each label and query. */
export function rowsOf(panel, frames) {
  const steps = panel.transformations ?? [];
  const several = (panel.targets ?? []).length > 1;
  const valueName = (frame) => (several ? `Value #${frame.refId}` : "Value");
  const merged = new Map();
  const columns = new Set();
  for (const frame of frames) {
    const key = JSON.stringify(Object.entries(frame.labels).sort());
    const row = merged.get(key) ?? { ...frame.labels };
    row[valueName(frame)] = frame.values.at(-1);
    merged.set(key, row);
    for (const name of Object.keys(row)) columns.add(name);
  }
  for (const target of panel.targets ?? []) columns.add(valueName(target));
  let table = { columns: [...columns].map((name) => ({ source: name, title: name })), rows: [...merged.values()] };
  for (const { id, options } of steps) table = STEPS[id](table, options);
  return table;
}

const STEPS = {
  merge: (table) => table,
  filterFieldsByName: ({ columns, rows }, { include }) => ({
    columns: columns.filter(({ source }) => !include?.names || include.names.includes(source)),
    rows,
  }),
  organize: ({ columns, rows }, { indexByName = {}, renameByName = {}, excludeByName = {} }) => ({
    columns: columns
      .filter(({ source }) => !excludeByName[source])
      .map(({ source, title }) => ({ source, title: renameByName[source] || title }))
      .sort((a, b) => (indexByName[a.source] ?? 1e9) - (indexByName[b.source] ?? 1e9)),
    rows,
  }),
};
