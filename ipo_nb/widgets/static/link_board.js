// LinkBoard: arrows are drawn with the mouse or with keys; every edit is an act that Python does or refuses.

const KEYS = [
  ["← → ↑ ↓", "go from metric to metric"],
  ["L", "start an arrow here; go to the effect; Enter draws it, Esc gives up"],
  ["Enter", "open the form of a metric or an arrow"],
  ["O, I", "go to the first arrow that leaves, or that arrives"],
  ["Shift + ← →", "put a metric into another lane"],
  ["Delete", "delete an arrow"],
  ["A, D", "accept or dismiss a suggested arrow"],
  ["Ctrl + Z, Ctrl + Y", "undo, redo"],
  ["/", "search"],
];
const SIGNS = [["+", "+ both rise together"], ["-", "− one rises, the other falls"], ["?", "? not claimed"]];
const GRAVITY = { high: "‼", medium: "!", low: "i" };
const PLACE = { input: 0, process: 1, outcome: 2 };

function render({ model, el }) {
  const { root, main, act, off, announce } = frame({ model, el }, "board");
  const ui = { chosen: null, from: null, query: "", at: null, count: model.get("view").chosen.count ?? 0, adding: false, hover: null };
  const bar = h("div", { class: "ipo-bar", role: "toolbar", "aria-label": "Board" });
  const scroll = h("div", { class: "ipo-scroll" });
  const panel = h("section", { class: "ipo-panel", "aria-label": "Details" });
  main.prepend(bar);
  main.append(h("div", { class: "ipo-sides" }, scroll, panel));
  let view = model.get("view");
  let svg = null;
  let drag = null;

  const box = (name) => view.boxes.find((one) => one.name === name);
  const link = (pair) => view.links.find((one) => one.cause === pair[0] && one.effect === pair[1]);
  const findings = (name) => view.findings.filter((one) => one.metrics.includes(name));
  const node = (key) => root.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const keyOf = (chosen) => (!chosen ? null
    : chosen.kind === "link" ? linkKey({ cause: chosen.names[0], effect: chosen.names[1] }) : boxKey(chosen.names[0]));

  // ---- drawing ---------------------------------------------------------------------------------------------

  function redraw() {
    if (drag) return; // what has come meanwhile is shown once the metric is dropped
    view = model.get("view");
    const before = ui.chosen;
    const fresh = view.chosen.count !== undefined && view.chosen.count !== ui.count;
    if (view.chosen.count !== undefined && view.chosen.count !== ui.count) {
      ui.count = view.chosen.count;
      ui.adding = false;
      ui.chosen = view.chosen.kind === "metric" && view.inside[view.chosen.names[0]] ? null : view.chosen;
      ui.at = ui.chosen && keyOf(ui.chosen);
    }
    if (ui.chosen?.kind === "link" && !link(ui.chosen.names)) ui.chosen = null;
    if (ui.chosen?.kind === "metric" && !box(ui.chosen.names[0])) ui.chosen = null;
    const lost = inside()?.closest("[data-key]")?.dataset.key;
    const [left, top] = [scroll.scrollLeft, scroll.scrollTop];
    keepingFocus(root, () => {
      drawBar();
      svg = drawBoard(view, { live: true, badge, label: mapWords() });
      svg.classList.toggle("ipo-by-team", Object.keys(view.inside).length > 0);
      listen(svg);
      scroll.replaceChildren(h("div", { class: "ipo-canvas", style: `aspect-ratio:${view.width}/${view.height}` },
        laneHeads(view), svg));
      if (!panel.contains(root.getRootNode().activeElement) || !busyTyping()) drawPanel();
    });
    const there = keyOf(ui.chosen) && node(keyOf(ui.chosen));
    if (there && ((lost && !node(lost)) || (fresh && (!lost || /^(box|link) /.test(lost))))) there.focus({ preventScroll: true });
    if (lost && !inside()) { // what had the focus is gone or cannot be pressed: to where its arrow began
      const near = [before && boxKey(before.names[0]), ui.at, view.boxes[0] && boxKey(view.boxes[0].name)];
      node(near.find((key) => key && node(key)) || "")?.focus({ preventScroll: true });
    }
    scroll.scrollTo(left, top);
    rove(ui.at && node(ui.at) ? ui.at : keyOf(ui.chosen) || (view.boxes[0] && boxKey(view.boxes[0].name)));
    relight();
  }

  const inside = () => (root.contains(root.getRootNode().activeElement) ? root.getRootNode().activeElement : null);
  const busyTyping = () => Boolean(root.getRootNode().activeElement?.dataset?.dirty);

  const mapWords = () => `${view.title}: ${view.words} Arrow keys go from metric to metric, L starts an arrow, Enter `
    + "opens a form.";

  function badge(one) {
    if (view.inside[one.name]) return null;
    const found = findings(one.name);
    if (!found.length) return null;
    const severity = ["high", "medium", "low"].find((s) => found.some((f) => f.severity === s));
    const words = `${found.length} finding${found.length > 1 ? "s" : ""}`;
    return { severity, mark: found.length > 1 ? String(found.length) : GRAVITY[severity], words };
  }

  function relight() {
    for (const one of svg.querySelectorAll(".ipo-chosen")) one.classList.remove("ipo-chosen");
    if (ui.chosen?.kind === "link") {
      for (const one of svg.querySelectorAll(`[data-pair="${CSS.escape(JSON.stringify(ui.chosen.names))}"]`)) {
        one.classList.add("ipo-chosen");
      }
    } else if (ui.chosen) {
      svg.querySelector(`[data-box="${CSS.escape(ui.chosen.names[0])}"]`)?.classList.add("ipo-chosen");
    }
    svg.querySelector(".ipo-from")?.classList.remove("ipo-from");
    if (ui.from) svg.querySelector(`[data-box="${CSS.escape(ui.from)}"]`)?.classList.add("ipo-from");
    light(svg, lit());
  }

  function lit() {
    if (ui.query) {
      const names = new Set(matches().map((one) => one.name));
      return { names, pairs: new Set() };
    }
    const name = ui.hover;
    if (name) return Object.keys(view.inside).length ? beside(view.links, name) : through(view.links, name);
    if (view.outcome && box(view.outcome)) return followed(view.links, view.outcome, "cause");
    if (ui.chosen?.kind === "link") {
      return { names: new Set(ui.chosen.names), pairs: new Set([JSON.stringify(ui.chosen.names)]) };
    }
    return ui.chosen ? through(view.links, ui.chosen.names[0]) : null;
  }

  const matches = () => {
    const wanted = ui.query.toLocaleLowerCase();
    return view.boxes.filter((one) => `${one.name} ${one.team}`.toLocaleLowerCase().includes(wanted));
  };

  function drawBar() {
    const button = (key, words, hint, press, disabled) => h("button", {
      "data-key": `bar ${key}`, title: hint, "aria-label": hint || words, type: "button", disabled, onclick: press,
    }, words);
    const search = h("input", {
      type: "search", placeholder: "Search", "aria-label": "Search metrics", "data-key": "bar search", value: ui.query,
      oninput: (event) => { ui.query = event.target.value.trim(); relight(); sayMatches(); },
      onkeydown: (event) => {
        if (event.key === "Enter" && matches()[0]) go(boxKey(matches()[0].name));
        if (event.key === "Escape") { ui.query = ""; event.target.value = ""; relight(); }
      },
    });
    const team = choice({
      "aria-label": "Team", "data-key": "bar team", onchange: (event) => act("show", { team: event.target.value }),
    }, [["", "All teams"], ...view.teams], view.team);
    const outcome = choice({
      "aria-label": "What leads to", "data-key": "bar outcome",
      onchange: (event) => act("show", { outcome: event.target.value }),
    }, [["", "What leads to …"], ...view.outcomes], view.outcome);
    bar.replaceChildren(
      search, view.teams.length > 1 && team || "", view.outcomes.length && outcome || "",
      h("span", { class: "ipo-gap" }),
      button("undo", "↶ Undo", view.undo && `Undo: ${view.undo}`, () => act("undo"), !view.undo),
      button("redo", "↷ Redo", view.redo && `Redo: ${view.redo}`, () => act("redo"), !view.redo),
      button("tidy", "Tidy", "Order the lanes so that arrows cross little", () => act("tidy")),
      button("add", "+ Metric", "Add a metric", () => { ui.adding = true; ui.chosen = null; drawPanel(); relight();
        panel.querySelector("input")?.focus(); }),
    );
  }

  function sayMatches() {
    const found = matches();
    if (ui.query && found[0]) node(boxKey(found[0].name))?.scrollIntoView({ block: "nearest", inline: "nearest" });
    announce(ui.query ? `${found.length} found${found[0] ? `, first ${found[0].name}` : ""}` : "");
  }

  // ---- the panel beside the board --------------------------------------------------------------------------

  function drawPanel() {
    const chosen = ui.chosen;
    const inside = ui.adding ? addPanel()
      : !chosen ? mapPanel()
        : chosen.kind === "link" ? linkPanel(link(chosen.names)) : metricPanel(box(chosen.names[0]));
    panel.replaceChildren(...inside.flat(3).filter(Boolean));
    const middle = !chosen ? 0 : chosen.kind === "link" ? link(chosen.names).cx : box(chosen.names[0]).x + 103;
    panel.classList.toggle("ipo-open", Boolean(chosen || ui.adding));
    panel.classList.toggle("ipo-left", middle > view.width / 2);
  }

  const head = (words) => h("div", { class: "ipo-head-row" }, h("h3", {}, words), h("button", {
    type: "button", class: "ipo-close", "aria-label": "Close", "data-key": "panel close", onclick: () => choose(null),
  }, "×"));

  const told = (one) => h("div", { class: `ipo-finding ipo-${one.severity}` },
    h("p", {}, h("b", {}, `${GRAVITY[one.severity]} `), one.message), h("p", { class: "ipo-mend" }, `→ ${one.mend}`));

  function mapPanel() {
    const open = view.links.filter((one) => one.verdict === "suggested");
    const graves = view.findings.filter((one) => one.severity === "high").length;
    const count = view.findings.length;
    return [
      h("h3", {}, view.title),
      h("p", {}, view.words),
      !view.links.length && h("p", { class: "ipo-hint" }, "No arrow yet: drag from a cause to its effect."),
      Object.keys(view.inside).length > 0 && h("p", { class: "ipo-hint" },
        "So many metrics are shown by team: choose a team above, or press its box."),
      open.length > 0 && h("h4", {}, `Suggested arrows (${open.length})`),
      open.length > 0 && h("ul", { class: "ipo-list" }, open.map((one) => h("li", {},
        h("button", { type: "button", class: "ipo-plain", "data-key": `open ${pairKey(one)}`,
          onclick: () => choose({ kind: "link", names: [one.cause, one.effect] }) }, one.name)))),
      count > 0 && h("details", { open: ui.audit, ontoggle: (event) => { ui.audit = event.target.open; } },
        h("summary", { "data-key": "panel audit" },
          `${count} finding${count > 1 ? "s" : ""} of the audit${graves ? `, ${graves} grave` : ""}`),
        view.findings.slice(0, 12).map(told), count > 12 && h("p", {}, `… and ${count - 12} more: ipo.audit_map(ipo_map)`)),
      view.key && h("p", { class: "ipo-hint" }, view.key),
      h("details", {}, h("summary", { "data-key": "panel keys" }, "How it works"),
        h("p", {}, "Drag from one metric to another to draw an arrow; drag a metric to another lane to change its stage. "
          + "Press an arrow to say what you claim. By keyboard:"),
        h("dl", { class: "ipo-keys" }, KEYS.map(([key, words]) => [h("dt", {}, key), h("dd", {}, words)]))),
    ];
  }

  function addPanel() {
    const name = h("input", { "data-key": "add name", required: true });
    const stage = choice({ "data-key": "add stage" }, view.stages.map(([value]) => value), "process");
    const team = h("input", { "data-key": "add team", list: "ipo-teams", value: view.team });
    return [head("Add a metric"), h("form", { onsubmit: (event) => {
      event.preventDefault();
      act("add_metric", { name: name.value, stage: stage.value, team: team.value });
    } }, field("Name", name), field("Stage", stage), field("Team", team), h("button", { class: "ipo-main-button" }, "Add"))];
  }

  function metricPanel(one) {
    const out = view.links.filter((x) => x.cause === one.name && x.verdict !== "suggested");
    const into = view.links.filter((x) => x.effect === one.name && x.verdict !== "suggested");
    const way = (words, found, other) => found.length > 0 && [h("h4", {}, words), h("ul", { class: "ipo-list" },
      found.map((x) => h("li", {}, h("button", {
        type: "button", class: "ipo-plain", "data-key": `way ${pairKey(x)}`, "aria-label": x.name,
        onclick: () => choose({ kind: "link", names: [x.cause, x.effect] }),
      }, `${x.label || "·"}  ${x[other]}`))))];
    const target = choice({ "data-key": "metric target", "aria-label": "Draw an arrow to" },
      [["", "Draw an arrow to …"], ...view.all.filter((name) => name !== one.name)], "");
    target.addEventListener("change", () => target.value && act("link", { cause: one.name, effect: target.value }));
    return [
      head(one.name),
      one.facts && h("p", { class: "ipo-hint" }, one.facts),
      field("Stage", choice({ "data-key": "metric stage",
        onchange: (event) => act("move", { name: one.name, stage: event.target.value }) },
      view.stages.map(([value]) => value), one.stage)),
      target,
      findings(one.name).map(told),
      way("Moves", out, "effect"),
      way("Is moved by", into, "cause"),
    ];
  }

  function linkPanel(one) {
    const pair = { cause: one.cause, effect: one.effect };
    const send = (values) => act("change", { ...pair, ...values });
    if (one.verdict === "suggested") {
      return [head(one.name), h("p", {}, "The series look as if this arrow might be there. Nobody has claimed it: "
        + "accept it only if you can say why it should be so."),
      h("p", { class: "ipo-buttons" },
        h("button", { type: "button", class: "ipo-main-button", "data-key": "link accept", onclick: () => act("accept", pair) },
          "Accept"),
        h("button", { type: "button", "data-key": "link dismiss", onclick: () => act("dismiss", pair) }, "Dismiss"))];
    }
    const sign = h("fieldset", {}, h("legend", {}, "Claim"), SIGNS.map(([value, words]) => h("label", {},
      h("input", { type: "radio", name: `sign-${model.model_id || "x"}`, value, checked: value === one.sign,
        "data-key": `link sign ${value}`, onchange: () => send({ sign: value }) }), words)));
    const lag = [0, 1].map((end) => h("input", { type: "number", min: 0, max: 400, step: 1, value: one.lag[end],
      "data-key": `link lag ${end}`, "aria-label": end ? "Last lag" : "First lag" }));
    const lags = () => ({ lag: lag.map((input) => (input.value === "" ? null : Number(input.value))) });
    lag.forEach((input, end) => typing(input, (text) => {
      const other = lag[1 - end]; // the window's other end gives way
      if (text !== "" && (end ? Number(text) < Number(other.value) : Number(text) > Number(other.value))) other.value = text;
      send(lags());
    }, 700));
    const why = typing(h("textarea", { rows: 3, "data-key": "link why", value: one.why }), (text) => send({ why: text }));
    const matters = typing(h("input", { type: "number", step: "any", min: 0, "data-key": "link matters",
      value: one.matters ?? "", placeholder: one.usual }), (text) => send({ matters: text === "" ? "" : Number(text) }), 900);
    return [
      head(one.name),
      one.said && h("p", { class: `ipo-said v-${one.verdict}` }, one.said),
      sign,
      h("div", { class: "ipo-field" }, h("span", {}, `Shows after (${view.period})`),
        h("div", { class: "ipo-two" }, lag[0], h("span", {}, "to"), lag[1])),
      field("Why", why),
      field("Matters from", matters, `${one.units}; smallest effect worth knowing`),
      h("p", { class: "ipo-buttons" },
        h("button", { type: "button", "data-key": "link turn", onclick: () => act("turn", pair) }, "Turn round"),
        h("button", { type: "button", "data-key": "link delete", onclick: () => act("unlink", pair) }, "Delete arrow")),
    ];
  }

  // ---- choosing, by mouse and by key -----------------------------------------------------------------------

  function choose(chosen, enter = false) {
    const before = keyOf(ui.chosen);
    ui.chosen = chosen;
    ui.adding = false;
    drawPanel();
    relight();
    if (!chosen) (node(before || "") || node(ui.at || ""))?.focus({ preventScroll: true });
    else rove(keyOf(chosen));
    if (enter) panel.querySelector("input:not([type=radio]), input:checked, select, button:not(.ipo-close)")?.focus();
  }

  function rove(key) {
    if (!key) return;
    for (const one of svg.querySelectorAll('[tabindex="0"]')) one.setAttribute("tabindex", "-1");
    const there = node(key);
    if (there) { there.setAttribute("tabindex", "0"); ui.at = key; }
  }

  function go(key) {
    rove(key);
    const there = node(key);
    there?.focus();
    there?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function open(name) {
    if (view.inside[name]) act("show", { team: view.box_team[name] });
    else choose({ kind: "metric", names: [name] }, true);
  }

  function start(name) {
    ui.from = name;
    relight();
    announce(`Arrow from ${name}. Go to its effect with the arrow keys; Enter draws it, Escape gives up.`);
  }

  function neighbour(one, key) {
    const lane = view.boxes.filter((x) => x.stage === one.stage).sort((a, b) => a.y - b.y);
    const at = lane.indexOf(one);
    if (key === "ArrowDown") return lane[at + 1];
    if (key === "ArrowUp") return lane[at - 1];
    const step = key === "ArrowRight" ? 1 : -1;
    for (let stage = PLACE[one.stage] + step; stage >= 0 && stage <= 2; stage += step) {
      const there = view.boxes.filter((x) => PLACE[x.stage] === stage);
      if (there.length) return there.reduce((a, b) => (Math.abs(b.y - one.y) < Math.abs(a.y - one.y) ? b : a));
    }
    return undefined;
  }

  function onBoxKey(event, one) {
    const { key } = event;
    if (event.shiftKey && (key === "ArrowLeft" || key === "ArrowRight")) {
      const stage = Object.keys(PLACE)[PLACE[one.stage] + (key === "ArrowRight" ? 1 : -1)];
      if (stage && !view.inside[one.name]) act("move", { name: one.name, stage });
      return true;
    }
    if (key.startsWith("Arrow")) {
      const next = neighbour(one, key);
      if (next) go(boxKey(next.name));
      return true;
    }
    if (key === "Enter" || key === " ") {
      if (ui.from && ui.from !== one.name) finish(ui.from, one.name);
      else if (!ui.from) open(one.name);
      return true;
    }
    if (key === "l" || key === "L") { if (!view.inside[one.name]) start(one.name); return true; }
    if (key === "o" || key === "i") {
      const next = view.links.find((x) => x[key === "o" ? "cause" : "effect"] === one.name);
      if (next) go(linkKey(next)); else announce(`No arrow ${key === "o" ? "leaves" : "reaches"} ${one.name}.`);
      return true;
    }
    return false;
  }

  function onLinkKey(event, one) {
    const pair = { cause: one.cause, effect: one.effect };
    const { key } = event;
    if (key === "ArrowLeft" || key === "ArrowRight") { go(boxKey(key === "ArrowLeft" ? one.cause : one.effect)); return true; }
    if (key === "ArrowUp" || key === "ArrowDown") {
      const order = [...view.links].sort((a, b) => a.cy - b.cy || a.cx - b.cx);
      const next = order[order.indexOf(one) + (key === "ArrowDown" ? 1 : -1)];
      if (next) go(linkKey(next));
      return true;
    }
    if (key === "Enter" || key === " ") { choose({ kind: "link", names: [one.cause, one.effect] }, true); return true; }
    if (one.verdict === "suggested") {
      if (key === "a" || key === "d") { act(key === "a" ? "accept" : "dismiss", pair); return true; }
    } else if (key === "Delete" || key === "Backspace") { act("unlink", pair); return true; }
    return false;
  }

  function finish(cause, effect) {
    ui.from = null;
    relight();
    act("link", { cause, effect });
    announce(`Drawing ${cause} → ${effect}`);
  }

  root.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey;
    const typed = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName);
    if (command && !typed && ["z", "y", "Z"].includes(event.key)) {
      event.preventDefault();
      act(event.key === "z" && !event.shiftKey ? "undo" : "redo"); // Python knows what there is, also before it has told
    } else if (event.key === "Escape") {
      if (ui.from) { ui.from = null; relight(); announce("No arrow drawn."); } else if (drag) endDrag(false);
      else if (ui.chosen || ui.adding) choose(null);
    } else if (event.key === "/" && !typed) {
      event.preventDefault();
      bar.querySelector("input")?.focus();
    } else if (!command && svg.contains(event.target)) {
      const name = event.target.closest("[data-box]")?.dataset.box;
      const pair = event.target.closest("[data-pair]")?.dataset.pair;
      const done = name !== undefined ? onBoxKey(event, box(name)) : pair && onLinkKey(event, link(JSON.parse(pair)));
      if (done) event.preventDefault();
    }
  });

  // ---- dragging: on a metric it draws an arrow, on another lane it changes the stage ------------------------

  function under(event) {
    const hit = root.getRootNode().elementFromPoint(event.clientX, event.clientY);
    if (!hit || !svg.contains(hit)) return {};
    const there = hit.closest("[data-box]")?.dataset.box;
    if (there !== undefined) return there === drag.name ? {} : { box: there };
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const lane = view.lanes.find((one) => point.x >= one.x && point.x <= one.x + one.width)?.stage;
    return lane && lane !== box(drag.name).stage ? { lane } : {};
  }

  /** Scroll the lanes where a drag comes near their edge. */
  function scrollNear(event) {
    const { left, right, top, bottom } = scroll.getBoundingClientRect();
    const toward = (at, low, high) => (at < low + 32 ? -12 : at > high - 32 ? 12 : 0);
    const before = [scroll.scrollLeft, scroll.scrollTop];
    scroll.scrollBy(toward(event.clientX, left, right), toward(event.clientY, top, bottom));
    return scroll.scrollLeft !== before[0] || scroll.scrollTop !== before[1];
  }

  const follow = perFrame((event) => {
    if (!drag) return;
    if (scrollNear(event)) follow(event); // once more in the next frame, while the pointer stays at the edge
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    drag.line.setAttribute("d", `M${drag.x},${drag.y}L${point.x},${point.y}`);
    const now = under(event);
    const over = now.box !== undefined && box(now.box);
    drag.words.setAttribute("x", over ? over.x : point.x + 14);
    drag.words.setAttribute("y", over ? over.y - 7 : point.y - 10);
    if (now.box === drag.now.box && now.lane === drag.now.lane) return;
    drag.mark?.classList.remove("ipo-target");
    drag.now = now;
    drag.mark = now.box !== undefined ? svg.querySelector(`[data-box="${CSS.escape(now.box)}"]`)
      : now.lane && svg.querySelector(`[data-lane="${now.lane}"]`);
    drag.mark?.classList.add("ipo-target");
    drag.words.textContent = now.box !== undefined ? `→ ${now.box}`
      : now.lane ? `make it ${now.lane === "process" ? "a" : "an"} ${now.lane}` : "";
  });

  function startDrag(event, name) {
    const { x, y, width, height } = box(name);
    drag = {
      name, x: x + width / 2, y: y + height / 2, now: {},
      line: h("path", { class: "ipo-rubber" }), words: h("text", { class: "ipo-drag-words" }),
    };
    svg.append(drag.line, drag.words);
    svg.setPointerCapture(event.pointerId);
    svg.classList.add("ipo-dragging");
    root.focus?.();
  }

  function endDrag(done) {
    const { name, now, line, words, mark } = drag;
    line.remove();
    words.remove();
    mark?.classList.remove("ipo-target");
    svg.classList.remove("ipo-dragging");
    drag = null;
    if (model.get("view") !== view) redraw();
    if (!done || view.inside[name]) return;
    if (now.box !== undefined) finish(name, now.box);
    else if (now.lane) act("move", { name, stage: now.lane });
  }

  function listen(drawing) {
    let down = null;
    let dropped = -1e9;
    drawing.addEventListener("pointerdown", (event) => {
      const name = event.target.closest("[data-box]")?.dataset.box;
      if (event.button !== 0 || name === undefined || event.pointerType === "touch") return;
      down = { name, x: event.clientX, y: event.clientY };
    });
    drawing.addEventListener("pointermove", (event) => {
      if (down && !drag && Math.hypot(event.clientX - down.x, event.clientY - down.y) > 5) startDrag(event, down.name);
      if (drag) follow(event);
    });
    drawing.addEventListener("pointerup", (event) => {
      down = null;
      if (!drag) return;
      drag.now = under(event);
      dropped = event.timeStamp;
      endDrag(true);
    });
    drawing.addEventListener("pointercancel", () => { down = null; if (drag) endDrag(false); });
    drawing.addEventListener("click", (event) => {
      if (event.timeStamp - dropped < 50) return; // the end of a drag is no click
      const name = event.target.closest?.("[data-box]")?.dataset.box;
      const pair = event.target.closest?.("[data-pair]")?.dataset.pair;
      if (name !== undefined) {
        if (ui.from && ui.from !== name) finish(ui.from, name);
        else if (view.inside[name]) open(name);
        else { choose({ kind: "metric", names: [name] }); go(boxKey(name)); }
      } else if (pair) {
        const one = link(JSON.parse(pair));
        choose({ kind: "link", names: [one.cause, one.effect] });
        go(linkKey(one));
      } else if (event.target === drawing || event.target.closest?.("[data-lane]")) choose(null);
    });
    const over = (event) => {
      const name = event.target.closest("[data-box]")?.dataset.box ?? null;
      if (name === ui.hover || drag) return;
      ui.hover = name;
      light(svg, lit());
    };
    drawing.addEventListener("pointerover", over);
    drawing.addEventListener("pointerleave", () => { if (ui.hover) { ui.hover = null; light(svg, lit()); } });
    drawing.addEventListener("focusin", (event) => {
      const key = event.target.closest("[data-key]")?.dataset.key;
      if (key) rove(key);
      over(event);
    });
    drawing.addEventListener("focusout", () => { if (ui.hover) { ui.hover = null; light(svg, lit()); } });
  }

  // What was refused is taken back in the form as well; a form for a new metric keeps what was typed.
  const refused = () => { if (model.get("told").kind === "problem" && !ui.adding) keepingFocus(root, drawPanel); };
  model.on("change:told", refused);
  model.on("change:view", redraw);
  redraw();
  return () => { off(); model.off("change:told", refused); model.off("change:view", redraw); };
}

export default { render };
