// ScenarioPanel: sliders in real units, what follows over time with its band, what is hurt, and a target to reach.

function render({ model, el }) {
  const { root, main, act, off } = frame({ model, el }, "scenario");
  const send = latest(model, (values) => act("move", values));
  const levers = h("div", { class: "ipo-sliders" });
  const ahead = h("div", { class: "ipo-sliders ipo-one" });
  const goal = h("form", { class: "ipo-choose" });
  const words = h("p", {});
  const hurt = h("div", {});
  const follows = h("div", { class: "ipo-follows" });
  main.append(h("h4", {}, "Change"), levers, ahead, goal, words, hurt, follows);
  let controls = {};

  const signed = (value, digits) => (value > 0 ? "+" : "") + number(value, digits);

  function drawLevers() {
    const view = model.get("view");
    const { changes, horizon } = model.get("moved");
    controls = {};
    levers.replaceChildren(...view.levers.map((one) => {
      const say = (by) => (by ? `${signed(by, one.digits)} ${one.unit}, to ${number(one.level + by, one.digits)}`
        : `stays at ${number(one.level, one.digits)} ${one.unit}`);
      controls[one.name] = slider({ key: `lever ${one.name}`, words: [one.name, one.team].filter(Boolean).join(" · "),
        min: one.min, max: one.max, step: one.step, value: changes[one.name] || 0, say,
        oninput: (by) => send({ changes: { [one.name]: by } }) });
      return controls[one.name].whole;
    }), view.levers.length ? "" : h("p", {}, "No shown link leads on from a metric that a team can move (controllable 2 or 3)."));
    controls[""] = slider({ key: "horizon", words: "Look ahead", min: view.ahead[0], max: view.ahead[1], value: horizon,
      say: (value) => `${value} ${view.period}s`, oninput: (value) => send({ horizon: value }) });
    ahead.replaceChildren(controls[""].whole);
    const outcome = choice({ "aria-label": "Outcome", "data-key": "goal outcome" }, view.goals.map((one) => one.name),
      goal.dataset.outcome);
    const target = h("input", { type: "number", step: "any", "aria-label": "Target", "data-key": "goal target", size: 8 });
    const unit = h("span", {});
    const put = () => {
      const one = view.goals.find((each) => each.name === outcome.value);
      goal.dataset.outcome = outcome.value;
      target.placeholder = one && one.target !== null ? String(one.target) : "";
      unit.textContent = one ? one.unit : "";
    };
    outcome.addEventListener("change", put);
    goal.replaceChildren(...view.goals.length ? [h("span", {}, "Reach a target:"), outcome, target, unit,
      h("button", { "data-key": "goal go" }, "Find the change"),
      h("button", { type: "button", "data-key": "clear", onclick: () => act("clear") }, "Put all back")] : []);
    if (view.goals.length) put();
    goal.onsubmit = (event) => {
      event.preventDefault();
      const said = target.value || target.placeholder;
      act("reach", { outcome: outcome.value, target: said === "" ? null : Number(said) });
    };
  }

  function drawRow(row, width) {
    const { estimate, low, high } = row.course;
    const { period } = model.get("view");
    const y = reach([...low, ...high], 0);
    const shows = row.shows_on ? `will show by ${row.shows_on}` : "not sure to show";
    return h("section", { class: row.harmed ? "ipo-bad" : "", "aria-label": row.metric },
      h("h4", {}, `${row.harmed ? "✕ " : ""}${row.metric}`),
      h("p", { class: "ipo-hint" }, `${row.size} · ${shows}${row.harmed ? " · hurt" : ""}`),
      plot({ width, height: 130, x: [0, estimate.length - 1], y, xTitle: `${period}s ahead`, label:
        `${row.metric}: ${row.size}, ${shows}` }, ({ across, up }) => [
        h("path", { class: "ipo-fill", d: bandPath(estimate.map((_, at) => [across(at), up(low[at]), up(high[at])])) }),
        h("path", { class: "ipo-course", d: linePath(estimate.map((value, at) => [across(at), up(value)])) }),
      ]));
  }

  function draw() {
    const { rows, words: said, changes, horizon } = model.get("moved");
    for (const [name, control] of Object.entries(controls)) {
      if (root.getRootNode().activeElement !== control.input) control.put(name === "" ? horizon : changes[name] || 0);
    }
    const movable = model.get("view").levers.length > 0;
    ahead.hidden = !movable;
    words.textContent = movable ? said : "";
    const bad = rows.filter((row) => row.harmed);
    hurt.replaceChildren(...bad.length ? [h("p", { class: "ipo-guard" }, h("b", {}, "✕ Guardrail: "),
      `${bad.map((row) => `${row.metric}${row.team ? ` (${row.team})` : ""}`).join(", ")} would get worse.`)] : []);
    const space = Math.floor(follows.clientWidth) || 900;
    const columns = Math.max(1, Math.min(3, Math.floor(space / 260)));
    const width = Math.floor((space - 24 * (columns - 1)) / columns);
    follows.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    follows.replaceChildren(...rows.map((row) => drawRow(row, width)));
  }

  function redraw() {
    keepingFocus(root, drawLevers);
    draw();
  }

  model.on("change:view", redraw);
  model.on("change:moved", draw);
  redraw();
  const stop = fitting(follows, draw);
  return () => { stop(); off(); model.off("change:view", redraw); model.off("change:moved", draw); };
}

export default { render };
