// Begins here: who looks, which page, and what stands in the bar above all pages.
import * as api from "./api.js";
import { Board } from "./board.js";
import { switchTheme } from "./colours.js";
import { controls } from "./controls.js";
import { el, link } from "./dom.js";
import { landing } from "./landing.js";
import { seconds } from "./time.js";

const bar = document.getElementById("bar");
const main = document.getElementById("main");

async function begin() {
  const session = await api.session();
  if (!session.login) return strangers(session);
  const uid = /^\/d\/([^/]+)/.exec(location.pathname)?.[1];
  const board = uid ? api.board(decodeURIComponent(uid)) : null;
  const [me, boards, detail] = await Promise.all([api.prometheus("whoami", {}), api.boards(), board]);
  bar.append(...frame(session, me));
  if (detail) await boardPage(detail, me, boards);
  else await landing(main, me, boards);
}

/** For who is not known: the users of a demonstration to choose from, or a sentence. */
function strangers({ choices, error }) {
  document.title = "Who are you? · Jobgauge";
  const choose = async (login) => {
    await api.choose(login);
    location.reload();
  };
  const buttons = choices.map((login) => el("button", { type: "button", class: "main", on: { click: () => attempt(() => choose(login)) } }, login));
  main.replaceChildren(el("div", { class: "welcome" }, el("h1", {}, "Jobgauge"), el("p", {}, choices.length ? "Who do you want to be? Everybody sees what is theirs." : error), el("div", { class: "people" }, buttons)));
}

function frame({ login, choices }, { staff, leads }) {
  const role = staff ? "staff" : leads.length ? `leads ${leads.join(", ")}` : "user";
  const change = async (event) => {
    await api.choose(event.target.value);
    location.reload();
  };
  const who = choices.length
    ? el("select", { "aria-label": "Who looks", on: { change: (event) => attempt(() => change(event)) } }, choices.map((one) => el("option", { selected: one === login }, one)))
    : el("span", { class: "who" }, login);
  const theme = el("button", { type: "button", title: "Dark or light", "aria-label": "Dark or light", on: { click: switchTheme } }, "◐");
  return [
    link("Jobgauge", "/", { class: "home" }),
    el("span", { class: "title" }),
    el("span", { class: "space" }),
    who,
    el("span", { class: "role" }, role),
    theme,
  ];
}

async function boardPage(detail, me, boards) {
  const board = new Board(detail, { parameters: new URLSearchParams(location.search), login: me.login });
  document.title = `${board.json.title} · Jobgauge`;
  bar.querySelector(".title").append(el("h1", {}, board.json.title), el("span", { class: "question" }, board.json.description ?? ""));
  const strip = el("div", { class: "controls" });
  main.replaceChildren(strip, board.element);
  let timer = 0;
  board.addEventListener("change", ({ detail: kind }) => {
    strip.replaceChildren(...controls(board, boards));
    const address = `${location.pathname}?${board.parameters()}`;
    if (kind === "step" && address !== location.pathname + location.search) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    clearInterval(timer);
    const every = seconds(board.refresh) * 1000;
    if (every) timer = setInterval(() => document.hidden || attempt(() => board.reload()), every);
  });
  addEventListener("popstate", () => location.reload());
  await board.start();
}

/** Do something; where it fails, say so instead of the page. */
async function attempt(task) {
  try {
    await task();
  } catch (error) {
    const again = el("button", { type: "button", class: "main", on: { click: () => location.reload() } }, "Try again");
    main.replaceChildren(el("div", { class: "welcome" }, el("h1", {}, "Jobgauge"), el("p", { role: "alert" }, error.message), again));
    main.dataset.state = "failed";
  }
}

attempt(begin);
