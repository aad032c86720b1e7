// The map in three lanes as plain SVG: drawn here for the board, and read-only for whoever shows a path on it.

const pairKey = (link) => JSON.stringify([link.cause, link.effect]);
const linkKey = (link) => `link ${pairKey(link)}`;
const boxKey = (name) => `box ${name}`;

/** All metrics that lead to `name` (way "cause") or that it leads to (way "effect"), with the links between. */
function followed(links, name, way) {
  const [from, to] = way === "cause" ? ["effect", "cause"] : ["cause", "effect"];
  const names = new Set([name]);
  const pairs = new Set();
  for (const one of names) {
    for (const link of links) {
      if (link[from] !== one || link.verdict === "suggested") continue;
      names.add(link[to]);
      pairs.add(pairKey(link));
    }
  }
  return { names, pairs };
}

/** What lies on a way through a metric: up to its causes' causes, and down to what it moves in the end. */
function through(links, name) {
  const up = followed(links, name, "cause");
  const down = followed(links, name, "effect");
  return { names: new Set([...up.names, ...down.names]), pairs: new Set([...up.pairs, ...down.pairs]) };
}

/** A metric with those that it is linked to. */
function beside(links, name) {
  const own = links.filter((link) => link.cause === name || link.effect === name);
  return { names: new Set([name, ...own.flatMap((link) => [link.cause, link.effect])]), pairs: new Set(own.map(pairKey)) };
}

/** Fade all but some boxes and arrows; nothing given: all is as usual. */
function light(svg, lit) {
  svg.classList.toggle("ipo-lit", Boolean(lit));
  for (const node of svg.querySelectorAll("[data-box]")) {
    node.classList.toggle("ipo-on", Boolean(lit?.names.has(node.dataset.box)));
  }
  for (const node of svg.querySelectorAll("[data-pair]")) {
    node.classList.toggle("ipo-on", Boolean(lit?.pairs.has(node.dataset.pair)));
  }
}

function laneHeads(view) {
  return h("div", { class: "ipo-lanes", "aria-hidden": "true" }, view.lanes.map((lane) =>
    h("span", { class: `ipo-stage-${lane.stage}`, style: `left:${(100 * (lane.x + 12)) / view.width}%` }, lane.name)));
}

/** The drawing. `marks` has what to say beside a box (findings), `live` whether its parts can be reached and pressed. */
function drawBoard(view, { live = false, badge = () => null, label = "" } = {}) {
  const top = 30; // the names of the lanes stand above, where they stay while the lanes scroll
  const lanes = view.lanes.map((lane) => h("rect", {
    class: "ipo-lane", "data-lane": lane.stage, x: lane.x, y: top, width: lane.width, height: view.height - top, rx: 8,
  }));
  const lines = view.links.map((link) => h("g", { class: `ipo-line v-${link.verdict}`, "data-pair": pairKey(link) },
    h("path", { class: "ipo-grip", d: link.path }),
    h("path", { class: "ipo-stroke", d: link.path, "stroke-width": link.thick, "stroke-dasharray": link.dash || null }),
    h("path", { class: "ipo-head", d: link.head })));
  const boxes = view.boxes.map((box) => drawBox(view, box, live, badge(box)));
  const labels = view.links.map((link) => drawLabel(link, live));
  return h("svg", {
    class: "ipo-map",
    viewBox: `0 ${top} ${view.width} ${view.height - top}`,
    role: live ? "application" : "img",
    "aria-label": label,
  }, lanes, lines, boxes, labels);
}

function drawBox(view, box, live, badge) {
  const { x, y, width, height, lines } = box;
  const start = y + height / 2 - 8 * lines.length + (box.under ? 0 : 8);
  const stage = view.lanes.find((lane) => lane.stage === box.stage).name.toLowerCase();
  return h("g", {
    class: `ipo-box ipo-stage-${box.stage}`, "data-box": box.name, "data-key": live && boxKey(box.name),
    role: live && "button", tabindex: live && "-1",
    "aria-label": live && [box.name, stage, box.team, badge?.words].filter(Boolean).join(", "),
  },
  h("rect", { class: "ipo-card", x, y, width, height, rx: 5 }),
  h("rect", { class: "ipo-edge", x, y, width: 4, height, rx: 1.5 }),
  lines.map((line, place) => h("text", { class: "ipo-name", x: x + 14, y: start + 16 * place + 4 }, line)),
  h("text", { class: "ipo-under", x: x + 14, y: start + 16 * lines.length + 4 }, box.under),
  badge && h("g", { class: `ipo-badge ipo-${badge.severity}` },
    h("circle", { cx: x + width - 4, cy: y + 4, r: 9 }),
    h("text", { x: x + width - 4, y: y + 8, "text-anchor": "middle" }, badge.mark)));
}

function drawLabel(link, live) {
  const where = { x: link.x, y: link.y, width: link.x2 - link.x, height: link.y2 - link.y, rx: 9 };
  const about = [link.words || "claimed", link.claim && `claim ${link.claim}`].filter(Boolean).join(", ");
  return h("g", {
    class: `ipo-label v-${link.verdict}`, "data-pair": pairKey(link), "data-key": live && linkKey(link),
    role: live && "button", tabindex: live && "-1", "aria-label": live && link.name, "aria-description": live && about,
  },
  h("rect", { class: "ipo-pill", ...where }),
  h("text", { x: link.cx, y: link.cy + 4, "text-anchor": "middle" }, link.label));
}
