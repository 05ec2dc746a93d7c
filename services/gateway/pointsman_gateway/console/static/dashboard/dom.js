// DOM helpers. Text is inserted as text, so nothing in an API response is interpreted as HTML.

/**
 * Create an element: h("td.n", {title: "…"}, "text", child, …).
 * Properties: on<event> adds a listener, `vars` sets CSS variables, a boolean sets or omits the attribute.
 */
export function h(selector, props, ...children) {
  const [name, ...classes] = selector.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "vars") for (const [name, to] of Object.entries(value)) made.style.setProperty(name, to);
    else if (key === "class") made.classList.add(...value.split(" ").filter(Boolean));
    else if (key === "value") made.value = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/**
 * Replace the children of an element, and restore the focus, open details and scroll positions of those with the same
 * `data-keep`.
 */
export function fill(box, ...children) {
  const held = document.activeElement;
  const focus = box.contains(held) ? held.dataset.keep : undefined;
  const kept = new Map([...box.querySelectorAll("[data-keep]")].map((one) => [one.dataset.keep, one]));
  const places = [...kept].map(([key, one]) => [key, one.open, one.scrollLeft, one.scrollTop]);
  box.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  if (!places.length) return;
  const now = new Map([...box.querySelectorAll("[data-keep]")].map((one) => [one.dataset.keep, one]));
  for (const [key, open, left, top] of places) {
    const one = now.get(key);
    if (!one) continue;
    if (open && one.tagName === "DETAILS") one.open = true;
    if (left) one.scrollLeft = left;
    if (top) one.scrollTop = top;
  }
  if (focus !== undefined) now.get(focus)?.focus({preventScroll: true});
}

/** A table in a scrollable region that the keyboard can reach; a note if there are no rows. `rows` are lists of cells. */
export function table(label, heads, rows, options = {}) {
  if (!rows.length) return note(options.empty || "None.");
  const head = heads.map((one) => {
    const {text, ...rest} = typeof one === "object" && !(one instanceof Node) ? one : {text: one};
    return h("th", {scope: "col", ...rest}, text);
  });
  const body = rows.map((cells) => h("tr", null, cells.map((one, at) => cell(one, heads[at], at, options))));
  return h("div.scroll", {class: options.tall ? "tall" : "", tabindex: "0", role: "region", "aria-label": label, "data-keep": options.keep || label},
    h("table", options.id ? {id: options.id} : null,
      h("caption.hidden", null, label), h("thead", null, h("tr", null, head)), h("tbody", null, body)));
}

function cell(content, head, at, options) {
  if (content instanceof HTMLTableCellElement) return content;
  const kind = typeof head === "object" && !(head instanceof Node) ? head.class : undefined;
  return at === 0 && options.rowHeads !== false ? h("th", {scope: "row", class: kind}, content) : h("td", {class: kind}, content);
}

/** A list of names and values; each entry is [name, value, note]. */
export function facts(entries, kind = "") {
  return h("dl.facts", {class: kind}, entries.filter(Boolean).map(([name, value, note]) => h("div", null,
    h("dt", null, name), h("dd", null, h("strong", null, value), note ? h("span", null, note) : null))));
}

/** A labelled select element; `choices` are values or [value, text]. */
export function choice(label, choices, value, onchange, props = {}) {
  const select = h("select", {...props, onchange: (event) => onchange(event.target.value)},
    choices.map((one) => {
      const [key, text] = Array.isArray(one) ? one : [one, one];
      return h("option", {value: key, selected: key === value}, text);
    }));
  return h("label.field", null, h("span", null, label), select);
}

export const tag = (text, kind = "") => h("span.tag", {class: kind}, text);
export const note = (...text) => h("p.note", null, text);
export const dash = () => h("span.muted", null, h("span", {"aria-hidden": "true"}, "–"), h("span.hidden", null, "unknown"));

/** A card with a heading. */
export function card(title, ...children) {
  const id = "c-" + title.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return h("section.card", {"aria-labelledby": id}, h("h2", {id}, title), ...children);
}
