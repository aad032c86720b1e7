// What all widgets share: elements, the frame with its messages, focus that survives a redraw, small drawings.
// Each widget is this file, then its own; together they are one module without any framework.

const DRAWN = new Set(["svg", "g", "path", "rect", "text", "tspan", "line", "circle", "desc"]);

/** An HTML or SVG element: `on...` are listeners, false and undefined attributes are left out, text is never markup. */
function h(tag, attributes, ...children) {
  const node = DRAWN.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

/** A <select>; options are values, or [value, words]. */
function choice(attributes, options, chosen) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  return h("select", attributes, pairs.map(([value, words]) =>
    h("option", { value, selected: String(value) === String(chosen) }, words)));
}

function field(words, control, note) {
  return h("label", { class: "ipo-field" }, h("span", {}, words), control, note && h("small", {}, note));
}

const PATIENCE = 4000; // ms after which the reader is told that nothing came back

/**
 * The frame around a widget: its place to draw in, what was last told, and the line of code that does the same.
 * Returns `act(name, values)`, which asks Python to do something; the answer comes as a changed trait.
 */
function frame({ model, el }, kind) {
  const main = h("div", { class: "ipo-main" });
  const told = h("p", { class: "ipo-told", role: "status" });
  const problem = h("p", { class: "ipo-problem", role: "alert" });
  const live = h("p", { class: "ipo-live", "aria-live": "polite" });
  const code = h("pre", { tabindex: "0", role: "region", "aria-label": "The same as code" });
  const shown = h("details", { class: "ipo-code" }, h("summary", {}, "As code"), code);
  // Lab would move the cell on an arrow key: shortcuts are suppressed here, and keys stay in the widget.
  const again = h("button", { type: "button", hidden: true, onclick: () => act("save") }, "Save again");
  main.append(h("div", { class: "ipo-messages" }, told, problem, again));
  const root = h("div", { class: `ipo ipo-widget ipo-${kind}`, "data-lm-suppress-shortcuts": "true" }, main, shown, live);
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.replaceChildren(root);

  let waiting = 0;
  let asked = 0; // how much Python has not answered yet
  const count = (by) => {
    asked = Math.max(0, asked + by);
    root.toggleAttribute("data-waiting", asked > 0);
  };
  const act = (name, values = {}) => {
    count(1);
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      problem.textContent = "Still waiting for the notebook: it is busy, or it was restarted (then run this cell again).";
    }, PATIENCE);
    model.send({ act: name, ...values });
  };
  const say = () => {
    clearTimeout(waiting);
    count(-1);
    const { kind: sort = "", words = "" } = model.get("told");
    const bad = sort === "problem" || sort === "unsaved";
    problem.textContent = bad ? `✕ ${words}` : "";
    told.textContent = bad ? "" : words;
    again.hidden = sort !== "unsaved";
    told.classList.toggle("ipo-saved", sort === "saved");
  };
  const tell = () => {
    code.textContent = model.get("code");
    shown.hidden = !model.get("code");
  };
  model.on("change:told", say);
  model.on("change:code", tell);
  say();
  tell();
  const off = () => {
    clearTimeout(waiting);
    model.off("change:told", say);
    model.off("change:code", tell);
  };
  return { root, main, act, off, announce: (words) => { live.textContent = words; } };
}

/** Redraw, then put the focus and the cursor back where they were: elements are known by their `data-key`. */
function keepingFocus(root, redraw) {
  const active = root.getRootNode().activeElement;
  const inside = active && root.contains(active) ? active : null;
  const key = inside?.closest("[data-key]")?.dataset.key;
  const typed = inside && "value" in inside && inside.type !== "radio"
    ? { value: inside.value, start: inside.selectionStart, end: inside.selectionEnd, dirty: inside.dataset.dirty }
    : null;
  redraw();
  if (!key || root.contains(root.getRootNode().activeElement)) return;
  const again = root.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (typed?.dirty && again.tagName === inside.tagName) {
    again.value = typed.value;
    again.dataset.dirty = "1";
    if (typed.start !== null && again.setSelectionRange) again.setSelectionRange(typed.start, typed.end);
  }
}

/** Send what is typed once typing pauses or the field is left; until then the field is dirty. */
function typing(control, send, pause = 500) {
  let timer = 0;
  const now = () => {
    clearTimeout(timer);
    if (!control.dataset.dirty) return;
    delete control.dataset.dirty;
    send(control.value);
  };
  control.addEventListener("input", () => {
    control.dataset.dirty = "1";
    clearTimeout(timer);
    timer = setTimeout(now, pause);
  });
  control.addEventListener("change", () => { control.dataset.dirty = "1"; now(); });
  return control;
}

/** Run at most once per frame, with the latest arguments. */
function perFrame(work) {
  let asked = null;
  return (...values) => {
    if (!asked) requestAnimationFrame(() => { const latest = asked; asked = null; work(...latest); });
    asked = values;
  };
}

/** Ask with the newest values only: while an answer is awaited, later ones are gathered. */
function latest(model, ask) {
  let waiting = false;
  let next = null;
  const merged = (a, b) => Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) =>
    [key, typeof b[key] === "object" && a[key] ? { ...a[key], ...b[key] } : b[key] ?? a[key]]));
  model.on("change:told", () => {
    waiting = false;
    if (!next) return;
    const values = next;
    next = null;
    go(values);
  });
  const go = (values) => {
    if (waiting) { next = merged(next || {}, values); return; }
    waiting = true;
    ask(values);
  };
  return go;
}
