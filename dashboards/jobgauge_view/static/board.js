// A board on the page: its choices and time range, its sections, and when they are asked anew.
import { marksOf } from "./annotations.js";
import { changes } from "./colours.js";
import { el } from "./dom.js";
import { interpolate } from "./interpolate.js";
import { sectionsOf } from "./layout.js";
import { Panel } from "./panel.js";
import { resolve } from "./time.js";
import { ALL, Variables } from "./variables.js";

const CELL = 38; // px of a row of Grafana's grid, with the gap
const HEAD = 60; // px of a panel that its plot has not

/** A board that is looked at. Tells of a "change" when its address or controls are others. */
export class Board extends EventTarget {
  constructor({ board, notDrawn, scrapeInterval }, { parameters = new URLSearchParams(), login, sections = Infinity }) {
    super();
    this.json = board;
    this.notDrawn = notDrawn;
    this.scrapeInterval = scrapeInterval;
    this.raw = { from: parameters.get("from") ?? board.time.from, to: parameters.get("to") ?? board.time.to };
    this.refresh = parameters.get("refresh") ?? board.refresh ?? "";
    this.range = resolve(this.raw);
    this.variables = new Variables(board.templating?.list ?? [], parameters, login);
    this.most = sections;
    this.marks = [];
    this.panels = [];
    this.opened = new Map(); // rows that somebody opened or closed
    this.hidden = new Map(); // series that somebody hid, by panel
    this.element = el("div", { class: "board", data: { uid: board.uid } });
    this.redraw = () => this.panels.forEach((panel) => panel.draw());
    changes.addEventListener("change", this.redraw);
  }

  /** Fill the lists of choices, then show everything. */
  async start() {
    await this.variables.load(this.range);
    this.dispatchEvent(new Event("change"));
    this.#build();
    await this.#ask();
  }

  /** What a name stands for in queries, titles and links. */
  look(name, format) {
    if (name === "__url_time_range") return `from=${encodeURIComponent(this.raw.from)}&to=${encodeURIComponent(this.raw.to)}`;
    if (name === "__from") return this.range.from;
    if (name === "__to") return this.range.to;
    if (name === "__dashboard") return this.json.title;
    return this.variables.look(name, format);
  }

  context() {
    return { range: this.range, scrapeInterval: this.scrapeInterval };
  }

  hiddenIn(panel) {
    if (!this.hidden.has(panel.id)) this.hidden.set(panel.id, new Set());
    return this.hidden.get(panel.id);
  }

  plotHeight = (panel) => panel.gridPos.h * CELL - HEAD;

  async setRange(raw) {
    this.raw = raw;
    this.dispatchEvent(new CustomEvent("change", { detail: "step" }));
    await this.reload();
  }

  async choose(name, value) {
    this.variables.find(name).value = value;
    await this.variables.refresh(this.range, name);
    this.dispatchEvent(new CustomEvent("change", { detail: "step" }));
    this.#build();
    await this.#ask();
  }

  setRefresh(text) {
    this.refresh = text;
    this.dispatchEvent(new Event("change"));
  }

  /** Ask everything again, as of now. */
  async reload() {
    this.range = resolve(this.raw);
    const before = JSON.stringify(this.variables.parameters());
    await this.variables.refresh(this.range);
    if (JSON.stringify(this.variables.parameters()) !== before) {
      this.dispatchEvent(new Event("change"));
      this.#build();
    }
    await this.#ask();
  }

  /** Return the address of what is shown, after the path. */
  parameters() {
    return new URLSearchParams([...this.variables.parameters(), ["from", this.raw.from], ["to", this.raw.to], ...(this.refresh !== (this.json.refresh ?? "") ? [["refresh", this.refresh]] : [])]);
  }

  close() {
    changes.removeEventListener("change", this.redraw);
    this.panels.forEach((panel) => panel.close());
  }

  #valuesOf(name) {
    const one = this.variables.find(name);
    if (!one) return [];
    return [one.value].flat()[0] === ALL ? one.options : [one.value].flat();
  }

  #build() {
    this.panels.forEach((panel) => panel.close());
    this.panels = [];
    const sections = sectionsOf(this.json.panels, (name) => this.#valuesOf(name)).slice(0, this.most);
    const faults = this.notDrawn[""] ?? [];
    this.element.replaceChildren(
      ...(faults.length ? [el("p", { class: "said", role: "note" }, `The viewer does not follow this board in: ${faults.join("; ")}`)] : []),
      el("div", { class: "marks-said", role: "status" }),
      ...sections.map((section) => this.#section(section)),
    );
  }

  #section({ row, scope, panels }) {
    const grid = el("div", { class: "grid" });
    const key = row ? `${row.id} ${JSON.stringify(scope)}` : "";
    let mine = [];
    const open = () => {
      mine = panels.map((place) => new Panel(place, this, this.notDrawn[String(place.panel.id)] ?? []));
      grid.replaceChildren(...mine.map((panel) => panel.element));
      this.panels.push(...mine);
    };
    const isOpen = () => this.opened.get(key) ?? !row?.collapsed;
    if (isOpen()) open();
    if (!row) return el("section", { class: "section" }, grid);
    const title = interpolate(row.title ?? "", (name) => (Object.hasOwn(scope, name) ? scope[name] : this.look(name, "text")));
    const toggle = () => {
      this.opened.set(key, !isOpen());
      button.setAttribute("aria-expanded", String(isOpen()));
      if (isOpen()) {
        open();
        mine.forEach((panel) => panel.load());
      } else {
        mine.forEach((panel) => panel.close());
        this.panels = this.panels.filter((panel) => !mine.includes(panel));
        grid.replaceChildren();
      }
    };
    const button = el("button", { type: "button", "aria-expanded": String(isOpen()), on: { click: toggle } }, title);
    return el("section", { class: "section", data: { row: row.id } }, el("h2", {}, button), grid);
  }

  async #ask() {
    this.element.dataset.state = "loading";
    const asked = (this.asked = Symbol("the newest"));
    // The marks come first: every plot shows them.
    const { marks, errors } = await marksOf(this.json.annotations?.list ?? [], { ...this.context(), look: (name, format) => this.look(name, format) });
    if (this.asked !== asked) return;
    this.marks = marks;
    this.element.querySelector(".marks-said").textContent = errors.length ? `Marks are missing: ${errors.join("; ")}` : "";
    await Promise.all(this.panels.map((panel) => panel.load()));
    if (this.asked === asked) this.element.dataset.state = "ready";
  }
}

