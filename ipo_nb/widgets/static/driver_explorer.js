// DriverExplorer: what moves an outcome, ranked with intervals; a press on a driver lights its path on the map.

function render({ model, el }) {
  const { root, main, act, off, announce } = frame({ model, el }, "drivers");
  const ui = { driver: null, outcome: null };
  const choose = h("div", { class: "ipo-choose" });
  const headline = h("p", { class: "ipo-headline" });
  const text = h("p", {});
  const list = h("div", { class: "ipo-ranking" });
  const path = h("p", { class: "ipo-hint", "aria-live": "polite" });
  const board = h("div", { class: "ipo-scroll", tabindex: "0", role: "region", "aria-label": "The map" });
  const notes = h("div", { class: "ipo-pair" });
  main.append(choose, headline, text, list, path, board, notes);
  let svg = null;

  const pairs = (names) => names.slice(1).map((name, at) => JSON.stringify([names[at], name]));
  const litBy = (paths) => ({ names: new Set(paths.flat()), pairs: new Set(paths.flatMap(pairs)) });

  function drawRow(row, scale, tied) {
    const about = [row.verdict_words, row.shares && `share ${row.shares}`, row.size, row.held].filter(Boolean).join(", ");
    const [low, high, at] = [row.share_low, row.share_high, row.share].map((x) => (x === null ? null : 100 * scale * x));
    return h("li", { class: tied }, h("button", {
      type: "button", class: "ipo-driver", "data-key": `driver ${row.driver}`, "aria-pressed": String(ui.driver === row.driver),
      "aria-label": `${row.driver}: ${about}`, onclick: () => show(row),
    },
    h("span", { class: "ipo-who" }, h("b", {}, `${row.glyph} ${row.driver}`), h("small", {}, row.held)),
    h("span", { class: `ipo-bar-place v-${row.verdict}` }, row.share !== null && h("svg", {
      width: "100%", height: "26", "aria-hidden": "true", focusable: "false",
    },
    h("line", { class: "ipo-rule", x1: "0", x2: "100%", y1: 13, y2: 13 }),
    h("line", { class: "ipo-whisker", x1: `${low}%`, x2: `${high}%`, y1: 13, y2: 13 }),
    h("circle", { class: `ipo-dot ${["supported", "contradicted"].includes(row.verdict) ? "ipo-full" : ""}`, cx: `${at}%`,
      cy: 13, r: 5 })), row.share === null && h("small", {}, row.direct ? row.verdict_words : `by way of ${ways(row)}`)),
    h("span", { class: "ipo-much" }, h("b", {}, row.shares), h("small", {}, row.size))));
  }

  const ways = (row) => [...new Set(row.paths.flatMap((names) => names.slice(1, -1)))].join(", ");

  function drawRows() {
    const { rows } = model.get("view");
    const top = Math.max(0.1, ...rows.map((row) => row.share_high || 0));
    const groups = rows.map((row) => row.tie_group);
    const tied = (at) => groups[at] !== null && groups.filter((group) => group === groups[at]).length > 1
      ? ["ipo-tied", groups[at - 1] !== groups[at] && "ipo-tied-first", groups[at + 1] !== groups[at] && "ipo-tied-last"]
        .filter(Boolean).join(" ") : null;
    const ranked = rows.map((row, at) => [row, at]).filter(([row]) => row.direct);
    const further = rows.filter((row) => !row.direct);
    list.replaceChildren(...[
      h("p", { class: "ipo-hint" }, "Share of the explained movement, 95 % intervals. A bracket joins drivers that cannot be "
        + "told apart. Press a driver to see its path on the map."),
      ranked.length ? h("ul", {}, ranked.map(([row, at]) => drawRow(row, 1 / top, tied(at))))
        : h("p", {}, "No metric is claimed to move it."),
      further.length > 0 && h("h4", {}, "Act through these"),
      further.length > 0 && h("ul", {}, further.map((row) => drawRow(row, 1 / top, null))),
    ].filter(Boolean));
  }

  function show(row) {
    ui.driver = ui.driver === row.driver ? null : row.driver;
    keepingFocus(root, drawRows);
    lightUp();
    if (ui.driver) svg.scrollIntoView?.({ block: "nearest" });
  }

  function lightUp() {
    const row = model.get("view").rows.find((one) => one.driver === ui.driver);
    light(svg, row ? litBy(row.paths) : { ...followed(model.get("view").board.links, model.get("view").outcome, "cause") });
    path.textContent = row ? row.paths.map((names) => names.join(" → ")).join("; ")
      : `The map, with all that leads to ${model.get("view").outcome}.`;
  }

  function redraw() {
    const view = model.get("view");
    if (ui.outcome !== view.outcome) { ui.driver = null; ui.outcome = view.outcome; }
    keepingFocus(root, () => {
      choose.replaceChildren(h("label", {}, "Outcome ", choice({
        "data-key": "outcome", "aria-label": "Outcome", onchange: (event) => act("choose", { outcome: event.target.value }),
      }, view.outcomes, view.outcome)));
      drawRows();
    });
    headline.textContent = view.headline;
    text.textContent = view.words;
    svg = drawBoard(view.board, { label: "The map as the data judge it" });
    board.replaceChildren(h("div", { class: "ipo-canvas", style: `aspect-ratio:${view.board.width}/${view.board.height}` },
      laneHeads(view.board), svg));
    const part = (title, lines) => h("section", { "aria-label": title }, h("h4", {}, title), lines);
    notes.replaceChildren(
      part("Local win, strategic loss", view.conflicts.length
        ? view.conflicts.map((one) => h("p", {}, "✕ ", one.text)) : h("p", {}, "No conflict with this outcome is established.")),
      part("Who controls what", view.teams.map((words) => h("p", {}, words))));
    lightUp();
    if (view.sentences.length) announce(view.sentences[0]);
  }

  model.on("change:view", redraw);
  redraw();
  return () => { off(); model.off("change:view", redraw); };
}

export default { render };
