// InventoryEditor: Tabulator's grid, with what is wrong said in the cell, and rows that come and go one by one.

const WORDS = { name: "Name", stage: "Stage", team: "Team", unit: "Unit", better: "Better", aggregate: "Aggregate",
  controllable: "Control", target: "Target", objective: "Objective", owner: "Owner", cadence: "Cadence", formula: "Formula",
  window: "Window", definition: "Definition" };
const WIDTHS = { name: 210, stage: 120, team: 120, unit: 120, better: 92, aggregate: 130, controllable: 106, target: 92,
  objective: 160, owner: 130, cadence: 100, formula: 180, window: 84, definition: 320 };
const HELP = "Arrow keys go from cell to cell, Enter or typing edits, Ctrl+V pastes a block from a spreadsheet, "
  + "Ctrl+Z undoes.";

function render({ model, el }) {
  const { root, main, act, off, announce } = frame({ model, el }, "grid");
  const ui = { query: "", stage: "", faulty: false, row: null };
  const bar = h("div", { class: "ipo-bar", role: "toolbar", "aria-label": "Grid" });
  const place = h("div", { class: "ipo-table" });
  const about = h("div", { class: "ipo-about", "aria-live": "polite" });
  main.prepend(bar);
  main.append(place, about, h("p", { class: "ipo-hint" }, HELP));
  let view = model.get("view");
  let ready = false;

  // Tabulator edits the very objects that it is given, so it gets copies.
  const copy = (rows) => structuredClone(rows);

  function cellWords(cell) {
    const row = cell.getRow().getData();
    const name = cell.getField();
    const fault = row.faults[name];
    const value = cell.getValue() ?? "";
    const node = cell.getElement();
    node.classList.toggle("ipo-wrong", Boolean(fault));
    if (fault) node.setAttribute("aria-invalid", "true"); else node.removeAttribute("aria-invalid");
    node.title = fault || "";
    if (name === "stage" && !value && row.guess) {
      return h("span", { class: "ipo-guess", title: row.guess[1] }, `${row.guess[0]}?`);
    }
    if (fault) return h("span", {}, value && `${value} `, h("span", { class: "ipo-fault" }, `✕ ${fault}`));
    return h("span", { class: name === "stage" ? `ipo-stage ipo-stage-${value}` : "" }, value);
  }

  function column(name) {
    const options = view.choices[name];
    const named = { elementAttributes: { "aria-label": WORDS[name] } };
    const base = { title: WORDS[name], field: name, width: WIDTHS[name], formatter: cellWords, headerSort: true,
      editor: "input", editorParams: named, resizable: "header", cssClass: `ipo-of-${name}`, sorter: "string", frozen: false };
    if (name === "target" || name === "window" || name === "controllable") base.sorter = "number";
    if (name === "definition") base.widthGrow = 1;
    if (options) return { ...base, editor: "list", editorParams: { ...named, values: options.map((value) => ({ value, label: value || "—" })),
      placeholderEmpty: "—" } };
    if (name === "team") {
      return { ...base, editor: "list", editorParams: { ...named, valuesLookup: "active", autocomplete: true, freetext: true,
        allowEmpty: true, listOnEmpty: true, emptyValue: "" } };
    }
    return base;
  }

  const table = new library(place, {
    data: copy(view.rows), index: "id", columns: view.columns.map(column), height: Math.min(460, 76 + 30 * view.rows.length),
    rowHeight: 30, layout: "fitData", columnDefaults: { headerHozAlign: "left" }, headerSortClickElement: "icon",
    rowHeader: { title: "#", formatter: "rownum", headerSort: false, resizable: false, width: 44, hozAlign: "right", cssClass: "ipo-number" },
    selectableRange: 1, selectableRangeColumns: false, selectableRangeRows: true, selectableRangeClearCells: false,
    editTriggerEvent: "dblclick", popupContainer: root, placeholder: "No metric yet: press + Row, or paste a block.",
    debugInvalidOptions: false, renderVerticalBuffer: 300,
  });

  // What axe and screen readers need that Tabulator leaves out.
  function repair() {
    place.setAttribute("aria-label", "Metrics");
    place.setAttribute("aria-rowcount", String(view.rows.length + 1));
    place.removeAttribute("aria-owns");
    for (const node of place.querySelectorAll(".tabulator-header, .tabulator-tableholder")) {
      node.setAttribute("role", "rowgroup");
      node.setAttribute("tabindex", "-1");
    }
    for (const node of place.querySelectorAll(".tabulator-header-contents")) node.setAttribute("role", "presentation");
    for (const node of place.querySelectorAll(".tabulator-headers")) node.setAttribute("role", "row");
    for (const node of place.querySelectorAll(".tabulator-table, .tabulator-range-overlay")) {
      node.setAttribute("role", "presentation");
    }
    for (const node of place.querySelectorAll(".tabulator-row-header")) {
      node.setAttribute("role", node.closest(".tabulator-header") ? "columnheader" : "rowheader");
    }
    for (const node of place.querySelectorAll(".tabulator-col-sorter")) {
      const title = node.closest(".tabulator-col").querySelector(".tabulator-col-title").textContent;
      for (const [key, value] of [["role", "button"], ["tabindex", "0"], ["aria-label", `Sort by ${title}`]]) {
        node.setAttribute(key, value);
      }
    }
    rove();
  }

  /** One cell can be reached by Tab: the one that is marked, or the first that is in sight. */
  function rove() {
    const marked = spot()?.cell.getElement();
    const cells = [...place.querySelectorAll(".tabulator-row .tabulator-cell[tabindex]")];
    const there = cells.includes(marked) ? marked : cells[0];
    for (const cell of cells) cell.setAttribute("tabindex", cell === there ? "0" : "-1");
  }

  const spot = () => {
    const cell = table.getRanges?.()[0]?.getCells()[0]?.[0];
    return cell ? { row: cell.getRow().getData().id, column: cell.getField(), cell } : null;
  };

  function drawBar() {
    const button = (key, words, hint, press, disabled) => h("button", {
      type: "button", "data-key": `bar ${key}`, title: hint, "aria-label": hint || words, disabled, onclick: press,
    }, words);
    const faulty = view.rows.filter((row) => Object.keys(row.faults).length).length;
    bar.replaceChildren(
      h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter metrics", "data-key": "bar filter",
        value: ui.query, oninput: (event) => { ui.query = event.target.value.toLocaleLowerCase(); filter(); } }),
      choice({ "aria-label": "Stage", "data-key": "bar stage",
        onchange: (event) => { ui.stage = event.target.value; filter(); } },
      [["", "All stages"], ...view.choices.stage], ui.stage),
      faulty > 0 ? h("label", { class: "ipo-check" }, h("input", { type: "checkbox", checked: ui.faulty,
        "data-key": "bar faulty", onchange: (event) => { ui.faulty = event.target.checked; filter(); } }),
      `Only what cannot stand (${faulty})`) : "",
      h("span", { class: "ipo-gap" }),
      button("undo", "↶ Undo", view.undo && `Undo: ${view.undo}`, () => act("undo"), !view.undo),
      button("add", "+ Row", "Add a row", () => { ui.fresh = true; act("add"); }),
      button("remove", "Delete row", "Delete the rows that are marked", remove));
  }

  function filter() {
    table.setFilter((row) => (!ui.stage || row.stage === ui.stage) && (!ui.faulty || Object.keys(row.faults).length > 0)
      && (!ui.query || Object.values(row).join(" ").toLocaleLowerCase().includes(ui.query)));
    announce(`${table.getDataCount("active")} of ${view.rows.length} rows`);
  }

  function remove() {
    const rows = [...new Set((table.getRanges?.() || []).flatMap((range) => range.getRows().map((row) => row.getData().id)))];
    if (rows.length) act("remove", { rows });
  }

  function drawAbout() {
    const row = view.rows.find((one) => one.id === ui.row);
    const said = row ? Object.entries(row.faults).map(([name, words]) =>
      h("p", { class: "ipo-problem" }, `✕ ${WORDS[name] || name}: ${words}`)) : [];
    if (row?.guess) {
      said.push(h("p", {}, `${row.name} looks like ${row.guess[0] === "process" ? "a" : "an"} `, h("b", {}, row.guess[0]), `: ${row.guess[1]} `,
        h("button", { type: "button", "data-key": "guess", onclick: () => act("edit", { row: row.id, stage: row.guess[0] }) },
          `Take ${row.guess[0]}`)));
    }
    if (row?.definition && !said.length) said.push(h("p", { class: "ipo-hint" }, `${row.name}: ${row.definition}`));
    keepingFocus(root, () => about.replaceChildren(...said.length ? said : [h("p", { class: "ipo-hint" }, view.words)]));
  }

  // The list of a drop-down, as a screen reader knows lists: which option is marked, and that the cell's field owns it.
  const lists = new MutationObserver(() => {
    const list = root.querySelector(".tabulator-edit-list");
    const input = place.querySelector(".tabulator-editing input");
    if (!list || !input) return;
    const options = [...list.querySelectorAll(".tabulator-edit-list-item")];
    list.id ||= `ipo-list-${model.model_id || "x"}`;
    for (const [node, name, value] of [[list, "role", "listbox"], [list, "aria-label", "Choices"], [input, "role", "combobox"],
      [input, "aria-expanded", "true"], [input, "aria-controls", list.id]]) {
      if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    }
    const marked = list.querySelector(".focused") || list.querySelector(".active");
    options.forEach((option, at) => {
      option.id ||= `${list.id}-${at}`;
      if (option.getAttribute("role") !== "option") option.setAttribute("role", "option");
      const chosen = String(option === marked);
      if (option.getAttribute("aria-selected") !== chosen) option.setAttribute("aria-selected", chosen);
    });
    const id = marked?.id || "";
    if ((input.getAttribute("aria-activedescendant") || "") !== id) input.setAttribute("aria-activedescendant", id);
  });
  lists.observe(root, { childList: true, subtree: true, attributeFilter: ["class"] });

  // ---- what the analyst does ---------------------------------------------------------------------------------

  let told = false; // while rows come from Python, nothing is sent back
  table.on("cellEdited", (cell) => {
    if (told) return;
    const value = cell.getValue();
    act("edit", { row: cell.getRow().getData().id, [cell.getField()]: value === null || value === undefined ? "" : String(value) });
  });
  table.on("rangeChanged", () => { const here = spot(); rove(); if (here && here.row !== ui.row) { ui.row = here.row; drawAbout(); } });
  table.on("renderComplete", repair);
  table.on("dataProcessed", repair);

  place.addEventListener("keydown", (event) => { // Tab leaves the grid, which Tabulator would not let it do
    if (event.key === "Tab" && event.target.tagName !== "INPUT") event.stopPropagation();
  }, true);
  place.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === " ") && event.target.matches(".tabulator-col-sorter")) {
      event.preventDefault();
      event.target.click();
    }
  });

  root.addEventListener("keydown", (event) => {
    const typed = ["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName);
    if (typed || !place.contains(event.target)) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); if (view.undo) act("undo"); return; }
    const here = spot();
    if (!here || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      act("edit", { row: here.row, [here.column]: "" });
    } else if (event.key.length === 1) { // typing begins an edit, as in a spreadsheet
      const first = event.key;
      event.preventDefault();
      here.cell.edit();
      const input = place.querySelector(".tabulator-editing input, .tabulator-editing textarea");
      if (input && !view.choices[here.column]) { input.value = first; input.dispatchEvent(new Event("input", { bubbles: true })); }
    }
  });

  place.addEventListener("paste", (event) => {
    if (["INPUT", "TEXTAREA"].includes(event.target.tagName)) return;
    event.preventDefault();
    event.stopPropagation();
    const here = spot();
    act("paste", { text: event.clipboardData.getData("text/plain"), row: here ? here.row : null, column: here?.column || "name" });
  }, true);
  place.addEventListener("copy", (event) => {
    if (["INPUT", "TEXTAREA"].includes(event.target.tagName)) return;
    const cells = (table.getRanges?.()[0]?.getCells() || []).map((row) => row.map((cell) => cell.getValue() ?? "").join("\t"));
    event.clipboardData.setData("text/plain", cells.join("\n"));
    event.preventDefault();
    event.stopPropagation();
  }, true);

  // ---- what comes from Python: the rows that differ ------------------------------------------------------------

  async function take({ rows, order, ...rest }) {
    await built;
    const known = new Map(view.rows.map((row) => [row.id, row]));
    for (const row of rows) known.set(row.id, row);
    const ids = order || view.rows.map((row) => row.id);
    const gone = view.rows.filter((row) => !ids.includes(row.id)).map((row) => row.id);
    const fresh = rows.filter((row) => !view.rows.some((one) => one.id === row.id));
    const columns = rest.columns.join() === view.columns.join() ? null : rest.columns;
    view = { ...view, ...rest, rows: ids.map((id) => known.get(id)) };
    model.set("view", view);
    told = true;
    if (columns) table.setColumns(columns.map(column));
    if (gone.length) await table.deleteRow(gone);
    const changed = rows.filter((row) => !fresh.includes(row));
    if (changed.length) await table.updateData(copy(changed));
    for (const row of changed) table.getRow(row.id)?.reformat();
    if (fresh.length) await table.addData(copy(fresh), false);
    told = false;
    keepingFocus(root, drawBar);
    drawAbout();
    repair();
    if (ui.fresh && fresh.length) {
      ui.fresh = false;
      const row = table.getRow(fresh.at(-1).id);
      await table.scrollToRow(row, "nearest", false).catch(() => null);
      row.getCell("name").edit(true);
    }
  }

  // What was refused is taken back in the cell as well.
  const refused = () => {
    const row = view.rows.find((one) => one.id === ui.row);
    if (model.get("told").kind === "problem" && row) { told = true; table.updateData(copy([row])).finally(() => { told = false; }); }
  };
  model.on("change:told", refused);

  const hear = (content) => { take(content); };
  const built = new Promise((done) => table.on("tableBuilt", () => { ready = true; repair(); done(); }));
  model.on("msg:custom", hear);
  drawBar();
  drawAbout();
  return () => { lists.disconnect(); off(); model.off("msg:custom", hear); model.off("change:told", refused); if (ready) table.destroy(); };
}

export default { render };
