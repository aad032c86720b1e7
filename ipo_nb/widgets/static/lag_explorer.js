// LagExplorer: one link with its series, its profile over lags, and what season and own history take away.

function render({ model, el }) {
  const { root, main, act, off } = frame({ model, el }, "lags");
  const ui = { shift: null, link: null };
  const choose = h("div", { class: "ipo-choose" });
  const headline = h("p", { class: "ipo-headline" });
  const text = h("p", {});
  const [profile, cross, series] = [h("div", {}), h("div", {}), h("div", {})];
  const said = h("p", {});
  const sliders = h("div", { class: "ipo-sliders" });
  const shifting = h("div", { class: "ipo-sliders ipo-one" });
  main.append(choose, headline, text,
    h("div", { class: "ipo-pair" },
      h("section", { "aria-label": "Profile" }, h("h4", {}, "As tested: the effect at each lag, with its 95 % band"), profile),
      h("section", { "aria-label": "Correlations" }, h("h4", {}, "To look at: how they go together at each lag"), cross)),
    sliders, said, h("h4", {}, "Both series"), shifting, series);
  const send = latest(model, (values) => act("look", values));
  const controls = {};

  function drawControls() {
    const { links, link, looked, most } = model.get("view");
    choose.replaceChildren(h("label", {}, "Link ", choice({
      "data-key": "link", "aria-label": "Link", onchange: (event) => act("choose", { name: event.target.value }),
    }, links, link)));
    const word = (one, many) => (value) => `${value} ${value === 1 ? one : many}`;
    const { period } = model.get("view");
    const make = (key, words, max, say, disabled) => {
      controls[key] = slider({ key, words, min: key === "most_lag" ? 1 : 0, max, value: looked[key], say, disabled,
        oninput: (value) => send({ [key]: value }) });
      return controls[key].whole;
    };
    sliders.replaceChildren(
      make("most_lag", "Lags looked at, up to", most.most_lag, word(period, `${period}s`)),
      most.pairs > 0 ? make("pairs", "Season: yearly waves taken off", most.pairs, word("wave", "waves")) : "",
      make("own_lags", "Own history taken off", most.own_lags, word(period, `${period}s`)));
    if (ui.link !== link) ui.shift = model.get("view").lag ?? 0;
    ui.link = link;
    controls.shift = slider({ key: "shift", words: "Move the cause later by", min: 0, max: most.most_lag,
      value: ui.shift, say: word(period, `${period}s`), oninput: (value) => { ui.shift = value; drawSeries(); } });
    shifting.replaceChildren(controls.shift.whole);
  }

  function drawProfile(width) {
    const { rows, unit, after, bad, words } = model.get("view").profile;
    if (!rows.length) { profile.replaceChildren(h("p", { class: "ipo-hint" }, "This link was not tested lag by lag.")); return; }
    const y = reach(rows.flatMap((row) => [row.low, row.high]), 0);
    profile.replaceChildren(plot({ width, height: 230, x: [-0.5 + rows[0].lag, rows.at(-1).lag + 0.5], y, yTitle: unit,
      xTitle: after, xTicks: every(rows.map((row) => row.lag), width), label: words },
    ({ across, up }) => rows.map((row) => h("g", { class: bad ? "ipo-bad" : "" },
      h("line", { class: "ipo-whisker", x1: across(row.lag), x2: across(row.lag), y1: up(row.low), y2: up(row.high),
        style: row.kind === 2 ? "stroke-width:2.6" : "" }),
      h("circle", { class: `ipo-dot ${["", "ipo-near", "ipo-full"][row.kind]}`, cx: across(row.lag), cy: up(row.estimate),
        r: row.kind === 2 ? 5 : 3.6 })))));
  }

  const every = (lags, width) => lags.filter((_, at) => at % Math.ceil(lags.length / (width / 34)) === 0);

  function drawCross(width) {
    const { lags, raw, season, own, bound, after, words } = model.get("looked_at");
    const top = Math.min(1, reach([...raw, ...season, ...own].map(Math.abs), bound)[1]);
    const names = [["raw", raw, "as they stand"], ["season", season, "without season"], ["own", own, "without own history"]];
    const narrow = width < 430;
    cross.replaceChildren(narrow ? h("p", { class: "ipo-hint" }, "⋯ as they stand, ‒ ‒ without season, ● without own history")
      : "", plot({ width, height: 230, x: [lags[0] - 0.3, lags.at(-1) + 0.3], y: [-top, top],
      yTitle: "correlation", xTitle: after, xTicks: every(lags, width), label: words,
      right: narrow ? 12 : 152 },
    ({ across, up, left, right }) => [
      h("rect", { class: "ipo-fill", x: left, width: right - left, y: up(bound), height: up(-bound) - up(bound) }),
      names.map(([name, values]) => h("path", { class: `ipo-course ipo-${name}`,
        d: linePath(values.map((value, at) => [across(lags[at]), up(value ?? NaN)])) })),
      own.map((value, at) => Number.isFinite(value) && h("circle", { class: "ipo-dot ipo-full", r: 3.4, cx: across(lags[at]),
        cy: up(value) })),
      !narrow && apart(names.map(([, values, title]) => [up(values.at(-1) ?? 0), title])).map(([y, title], at) =>
        h("text", { class: at === 2 ? "ipo-strong" : "ipo-soft", style: "font-size:12px", x: right + 6, y: y + 4 }, title)),
    ]));
  }

  /** Labels at the ends of lines, pushed apart. */
  function apart(labels) {
    const order = labels.map((label, at) => ({ label, at })).sort((a, b) => a.label[0] - b.label[0]);
    let last = -Infinity;
    for (const one of order) { one.y = Math.max(one.label[0], last + 15); last = one.y; }
    return order.sort((a, b) => a.at - b.at).map(({ y, label }) => [y, label[1]]);
  }

  const drawSeries = perFrame(() => {
    const { cause, effect, causeName, effectName, years, units } = model.get("view").series;
    const width = Math.floor(series.clientWidth);
    if (!width || !effect.length) { series.replaceChildren(h("p", { class: "ipo-hint" }, "No numbers.")); return; }
    const height = 210;
    const [a, b] = [reach(effect), reach(cause)];
    const shift = ui.shift || 0;
    const names = h("p", { class: "ipo-hint ipo-names" }, h("span", {}, `— ${effectName}${units > 1 ? `, median of ${units} units` : ""}`),
      h("span", { class: "ipo-second-words" }, `‒ ‒ ${causeName}${shift ? `, ${shift} later` : ""}`));
    series.replaceChildren(names, plot({ width, height, x: [0, effect.length - 1 || 1], y: a,
      xTicks: years.map(([at]) => at), xWords: (at) => years.find(([place]) => place === at)[1], right: 52,
      label: `${effectName} and ${causeName}, the cause moved later by ${shift}` },
    ({ across, up, right, top, bottom }) => {
      const other = linear(b[0], b[1], bottom, top);
      return [
        h("path", { class: "ipo-course ipo-second",
          d: linePath(cause.map((value, at) => [across(at + shift), other(value ?? NaN)]).filter(([x]) => x <= right + 0.5)) }),
        h("path", { class: "ipo-course", d: linePath(effect.map((value, at) => [across(at), up(value ?? NaN)])) }),
        ticks(b[0], b[1]).map((value) => h("text", { class: "ipo-soft ipo-second-words", x: right + 6, y: other(value) + 4 },
          number(value))),
      ];
    }));
  });

  function redraw() {
    const view = model.get("view");
    headline.textContent = view.headline;
    text.textContent = view.words;
    keepingFocus(root, drawControls);
    look();
    drawProfile(Math.floor(profile.clientWidth) || 420);
    drawSeries();
  }

  function look() {
    said.textContent = model.get("looked_at").words;
    for (const [key, value] of Object.entries(model.get("looked_at").looked)) { // the slider that is held stays there
      if (controls[key] && root.getRootNode().activeElement !== controls[key].input) controls[key].put(value);
    }
    drawCross(Math.floor(cross.clientWidth) || 420);
  }

  model.on("change:view", redraw);
  model.on("change:looked_at", look);
  redraw();
  const stops = [fitting(profile, drawProfile), fitting(cross, drawCross), fitting(series, drawSeries)];
  return () => {
    stops.forEach((stop) => stop());
    off();
    model.off("change:view", redraw);
    model.off("change:looked_at", look);
  };
}

export default { render };
