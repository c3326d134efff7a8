// Elements by function. Text is always text: nothing here reads HTML.

/** Make an element; `on` has its listeners, `data` its data-attributes, children are elements or text. */
export function el(tag, { on = {}, data = {}, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  for (const [name, value] of Object.entries(data)) made.dataset[name] = value;
  for (const [name, listener] of Object.entries(on)) made.addEventListener(name, listener);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Return the address if it leads to a page or a letter; else nothing, so that no link can hold a script. */
export function safeUrl(text) {
  let url;
  try {
    url = new URL(text, location.origin);
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
}

/** Make a link; only its text where the address is none that may be followed. */
export function link(text, href, { blank = false, ...attributes } = {}) {
  const url = safeUrl(href);
  if (!url) return el("span", {}, text);
  return el("a", { href: url, ...(blank ? { target: "_blank", rel: "noopener" } : {}), ...attributes }, text);
}

/** A button with a card beneath it, which Escape, a click elsewhere or its own close() ends. */
export function menu(label, { title = label, className = "", fill }) {
  const card = el("div", { class: "card", hidden: true });
  const button = el(
    "button",
    { type: "button", class: className, title, "aria-label": title, "aria-expanded": "false" },
    label,
  );
  const box = el("div", { class: "menu" }, button, card);
  const set = (open) => {
    card.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (!open) return;
    card.replaceChildren(...[fill(() => set(false))].flat());
    card.style.transform = "";
    const place = card.getBoundingClientRect();
    const over = Math.max(0, place.right - document.documentElement.clientWidth + 8);
    const under = Math.min(0, place.left - 8);
    if (over || under) card.style.transform = `translateX(${-over - under}px)`;
  };
  button.addEventListener("click", () => set(card.hidden));
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !card.hidden) {
      set(false);
      button.focus();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!card.hidden && !box.contains(event.target)) set(false);
  });
  return box;
}
