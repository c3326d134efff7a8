// One panel on the page: its head, its query, its picture, and what is said where there is none.
import { el, link, menu } from "./dom.js";
import { linksOf } from "./fields.js";
import { interpolate } from "./interpolate.js";
import { markdown } from "./markdown.js";
import { library } from "./plot.js";
import { ask } from "./queries.js";
import * as bargauge from "./panels/bargauge.js";
import * as heatmap from "./panels/heatmap.js";
import * as stat from "./panels/stat.js";
import * as stateTimeline from "./panels/state-timeline.js";
import * as table from "./panels/table.js";
import * as text from "./panels/text.js";
import * as timeseries from "./panels/timeseries.js";

const KINDS = { bargauge, heatmap, stat, "state-timeline": stateTimeline, table, text, timeseries };
const PLOTTED = new Set(["heatmap", "state-timeline", "timeseries"]);
const SLOW = 4000; // ms, after which a panel says that it still waits
const CELL = 38; // px of a row of Grafana's grid, with the gap

/** A panel of a board. */
export class Panel {
  constructor({ panel, scope, place }, board, faults) {
    this.panel = panel;
    this.scope = scope;
    this.board = board;
    this.faults = faults;
    this.body = el("div", { class: "body" });
    this.note = el("span", { class: "note", role: "status" });
    this.title = el("h3");
    this.element = el("section", { class: "panel", data: { kind: panel.type, id: panel.id, state: "waiting" } }, this.#head(), this.body);
    this.element.style.gridColumn = `${place.x + 1} / span ${place.w}`;
    this.element.style.gridRow = `${place.y + 1} / span ${place.h}`;
    this.element.style.setProperty("--height", `${place.h * CELL - 8}px`);
    this.data = null;
    this.drop = null;
    this.asked = null;
  }

  #head() {
    const { description, links = [] } = this.panel;
    const about = description && menu("i", { title: `About: ${this.panel.title}`, className: "about", fill: () => el("div", { class: "words" }, markdown(this.#words(description))) });
    const away = linksOf({ links }, (name, format) => this.look(name, format));
    return el("div", { class: "head" }, this.title, about, away.map(({ title, url, blank }) => link(title, url, { blank })), this.note);
  }

  #words(template) {
    return interpolate(template, (name) => this.look(name, "text"));
  }

  /** Return what stands for a name here: a repeat's own value before the board's choices. */
  look(name, format) {
    return Object.hasOwn(this.scope, name) ? this.scope[name] : this.board.look(name, format);
  }

  /** Ask anew, and draw the answer. */
  async load() {
    this.title.textContent = this.#words(this.panel.title ?? "");
    if (this.faults.length) return this.#say("unsupported", "The viewer does not draw this panel:", this.faults);
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    this.element.setAttribute("aria-busy", "true");
    const slow = setTimeout(() => (this.note.textContent = "still waiting for an answer …"), SLOW);
    try {
      const context = { ...this.board.context(), width: this.body.clientWidth || 600, look: (name, format) => this.look(name, format) };
      if (PLOTTED.has(this.panel.type)) library().catch(() => {}); // the plot will tell of it
      this.data = await ask(this.panel, context, asked.signal);
      if (!asked.signal.aborted) await this.draw();
    } catch (error) {
      if (!asked.signal.aborted) this.#say("error", error.message, []);
    } finally {
      clearTimeout(slow);
      if (this.asked === asked) {
        this.note.textContent = "";
        this.element.removeAttribute("aria-busy");
      }
    }
  }

  /** Draw the last answer again, in the colours of the theme. */
  async draw() {
    if (!this.data) return;
    this.#clear();
    if (this.panel.type !== "text" && this.#isEmpty()) {
      const said = this.panel.fieldConfig?.defaults?.noValue;
      return this.#say("empty", said || "No data", []);
    }
    const drop = await KINDS[this.panel.type].draw(this.body, this.panel, this.data, this.board);
    this.drop = drop ?? null;
    this.element.dataset.state = "drawn";
  }

  #isEmpty() {
    const { frames } = this.data;
    if (!frames.length) return true;
    return ["timeseries", "heatmap", "state-timeline"].includes(this.panel.type) && frames.every(({ values }) => values.every((value) => value === null));
  }

  #clear() {
    this.drop?.();
    this.drop = null;
    this.body.replaceChildren();
    this.body.className = "body";
  }

  #say(state, sentence, details) {
    this.#clear();
    this.element.dataset.state = state;
    const again = state === "error" ? el("button", { type: "button", on: { click: () => this.load() } }, "Try again") : null;
    const list = details.length ? el("ul", {}, details.map((detail) => el("li", {}, detail))) : null;
    this.body.append(el("div", { class: "said", role: state === "error" ? "alert" : "note" }, el("p", {}, sentence), list, again));
  }

  /** Let go of everything. */
  close() {
    this.asked?.abort();
    this.#clear();
  }
}
