// Where panels stand: sections under their headings, each a grid of 24 columns; repeats are unfolded here.

const COLUMNS = 24;
const MOST_BESIDE = 4; // repeats in a line, where the board does not say

/** Return the sections of a board: {row, scope, panels: [{panel, scope}]}; `valuesOf(name)` gives what is chosen. */
export function sectionsOf(panels, valuesOf) {
  const found = [];
  for (const panel of [...panels].sort(byPlace)) {
    if (panel.type === "row") found.push({ row: panel, panels: [...(panel.panels ?? [])].sort(byPlace) });
    else if (found.length && !found.at(-1).row?.collapsed) found.at(-1).panels.push(panel);
    else found.push({ row: null, panels: [panel] });
  }
  return found.flatMap(({ row, panels: inside }) => {
    const scopes = row?.repeat ? valuesOf(row.repeat).map((value) => ({ [row.repeat]: value })) : [{}];
    return scopes.map((scope) => ({ row, scope, panels: placed(inside, scope, valuesOf) }));
  });
}

const byPlace = (a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x;

function placed(panels, scope, valuesOf) {
  const top = Math.min(...panels.map(({ gridPos }) => gridPos.y));
  let moved = 0; // how far repeats have pushed down what comes after them
  return panels.flatMap((panel) => {
    const place = { ...panel.gridPos, y: panel.gridPos.y - top + moved };
    if (!panel.repeat) return [{ panel, scope, place }];
    const values = valuesOf(panel.repeat);
    const down = panel.repeatDirection === "v";
    const beside = down ? 1 : Math.min(values.length, panel.maxPerRow ?? MOST_BESIDE);
    const w = down ? place.w : Math.floor(COLUMNS / Math.max(1, beside));
    moved += (Math.ceil(values.length / beside) - 1) * place.h;
    return values.map((value, i) => ({
      panel,
      scope: { ...scope, [panel.repeat]: value },
      place: { x: down ? place.x : (i % beside) * w, y: place.y + Math.floor(i / beside) * place.h, w, h: place.h },
    }));
  });
}
