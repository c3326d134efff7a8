// The first page: what matters most to who looks, live, and then all boards.
import { board as fetchBoard } from "./api.js";
import { Board } from "./board.js";
import { el, link } from "./dom.js";

// The boards that are shown first, and how many of their sections; parts of the boards themselves.
const FIRST = {
  user: [["jobgauge-my-jobs", 2]],
  staff: [["jobgauge-cluster-overview", 1], ["jobgauge-queue", 1]],
}; // prettier-ignore
const STAFF_ONLY = ["staff", "operators", "management"]; // tags of boards that are empty for others
const EVERY = 60_000; // ms

/** Show the first page in `main` for somebody. */
export async function landing(main, me, boards) {
  const first = FIRST[me.staff ? "staff" : "user"].filter(([uid]) => boards.some((one) => one.uid === uid));
  const seen = boards.filter(({ tags }) => me.staff || !tags.some((tag) => STAFF_ONLY.includes(tag)));
  const glances = el("div", { class: "glances" });
  const order = me.staff ? ["operators", "staff", "management", "pis", "users"] : ["users", "pis"];
  const rank = ({ tags }) => order.findIndex((tag) => tags.includes(tag)) + 1 || order.length + 1;
  const place = ({ uid }) => first.findIndex(([one]) => one === uid) + 1 || Infinity;
  const sorted = [...seen].sort((a, b) => rank(a) - rank(b) || (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
  const folders = Map.groupBy(sorted, ({ folder }) => folder);
  main.replaceChildren(
    el("h1", {}, me.staff ? "The clusters now" : `Jobs of ${me.login}`),
    glances,
    el("h1", {}, "Boards"),
    el("div", { class: "folders" }, [...folders].map(([folder, list]) => folderCard(folder, list))),
  );
  const shown = await Promise.all(first.map(([uid, sections]) => glance(glances, uid, sections, me.login)));
  setInterval(() => document.hidden || shown.forEach((board) => board.reload()), EVERY);
  main.dataset.state = "ready";
}

async function glance(glances, uid, sections, login) {
  const place = el("div", { class: "glance" });
  glances.append(place);
  const shown = new Board(await fetchBoard(uid), { login, sections });
  const address = () => `/d/${uid}?${shown.parameters()}`;
  const title = link(shown.json.title, address(), { class: "title" });
  shown.addEventListener("change", () => (title.href = address()));
  place.append(el("p", {}, title, " ", el("span", { class: "question" }, shown.json.description)), shown.element);
  await shown.start();
  return shown;
}

function folderCard(folder, list) {
  const entries = list.map(({ uid, title, question }) => el("li", {}, link(title, `/d/${encodeURIComponent(uid)}`), el("span", { class: "question" }, question)));
  return el("section", { class: "folder" }, el("h2", {}, folder), el("ul", {}, entries));
}
