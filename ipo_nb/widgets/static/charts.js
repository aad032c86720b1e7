// Small charts as plain SVG: axes in real units, zero drawn, intervals always, labels instead of legends.

/** Places for ticks: few, round, inside the range. */
function ticks(low, high, count = 4) {
  const span = high - low || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((k) => span / k <= count + 0.5);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, k) => Number(((first + k) * step).toPrecision(12)));
}

const number = (value, digits) => (digits === undefined
  ? value.toLocaleString("en", { maximumSignificantDigits: 3 })
  : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })).replace("-", "−");

const linear = (low, high, from, to) => (value) => from + ((value - low) / (high - low || 1)) * (to - from);

/** Lowest and highest of some numbers, a little wider; missing ones are left out. */
function reach(values, ...more) {
  const known = [...values, ...more].filter((value) => Number.isFinite(value));
  if (!known.length) return [-1, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const spare = 0.06 * (high - low || Math.abs(high) || 1);
  return [low - spare, high + spare];
}

/** A plot with its grid and axes; `draw` gets the scales and gives what stands in it. */
function plot({ width, height, x, y, xTitle = "", yTitle = "", xTicks, xWords = number, label = "", right = 12 }, draw) {
  const [left, top, bottom] = [46, yTitle ? 24 : 8, xTitle ? 40 : 24];
  const across = linear(x[0], x[1], left, width - right);
  const up = linear(y[0], y[1], height - bottom, top);
  const lines = ticks(y[0], y[1]).map((value) => h("g", { class: "ipo-axis" },
    h("line", { x1: left, x2: width - right, y1: up(value), y2: up(value) }),
    h("text", { class: "ipo-soft", x: left - 7, y: up(value) + 4, "text-anchor": "end" }, number(value))));
  const marks = (xTicks || ticks(x[0], x[1], Math.max(2, Math.floor(width / 90)))).map((value) =>
    h("text", { class: "ipo-soft", x: across(value), y: height - bottom + 17, "text-anchor": "middle" }, xWords(value)));
  return h("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
    lines, marks,
    y[0] < 0 && y[1] > 0 && h("line", { class: "ipo-zero", x1: left, x2: width - right, y1: up(0), y2: up(0) }),
    draw({ across, up, left, right: width - right, top, bottom: height - bottom }),
    yTitle && h("text", { class: "ipo-soft", x: 0, y: 12 }, yTitle),
    xTitle && h("text", { class: "ipo-soft", x: width - right, y: height - 5, "text-anchor": "end" }, xTitle));
}

/** The path of a line, broken where a value is missing; single values get a short dash. */
function linePath(points) {
  let path = "";
  let pen = false;
  for (const [x, y] of points) {
    const there = Number.isFinite(x) && Number.isFinite(y);
    if (there) path += `${pen ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}${pen ? "" : "h.01"}`;
    pen = there;
  }
  return path;
}

/** The band between two lines, broken where a value is missing. */
function bandPath(points) {
  let path = "";
  let run = [];
  const close = () => {
    if (run.length) {
      path += `M${run.map(([x, low]) => `${x.toFixed(1)},${low.toFixed(1)}`).join("L")}L`
        + `${run.reverse().map(([x, , high]) => `${x.toFixed(1)},${high.toFixed(1)}`).join("L")}Z`;
    }
    run = [];
  };
  for (const point of points) {
    if (point.every(Number.isFinite)) run.push(point);
    else close();
  }
  close();
  return path;
}

/** Draw now and whenever the place gets another width. Returns how to stop. */
function fitting(place, draw) {
  let width = 0;
  const watch = new ResizeObserver(() => {
    const now = Math.floor(place.clientWidth);
    if (now && now !== width) { width = now; draw(now); }
  });
  watch.observe(place);
  return () => watch.disconnect();
}

/** A slider with its value in words beside it. Lab keeps the arrow keys from nothing here: the frame stops them. */
function slider({ key, words, min, max, step = 1, value, say = number, oninput, disabled }) {
  const shown = h("span", { class: "ipo-value", "aria-hidden": "true" }, say(value));
  const input = h("input", { type: "range", min, max, step, value, "data-key": key, "aria-valuetext": say(value), disabled,
    oninput: () => {
      shown.textContent = say(Number(input.value));
      input.setAttribute("aria-valuetext", say(Number(input.value)));
      oninput(Number(input.value));
    } });
  const whole = h("label", { class: "ipo-slider" }, h("span", {}, words), input, shown);
  return { whole, input, put: (next) => {
    if (Number(input.value) === next) return;
    input.value = next;
    shown.textContent = say(next);
    input.setAttribute("aria-valuetext", say(next));
  } };
}
