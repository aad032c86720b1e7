"""A widget in a bare page, without Jupyter: the same module in the browser, the same object in Python behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from ipo_nb.widgets.window import Window

OWN = {"_esm", "_css", "layout", "tabbable", "tooltip", "comm"}
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A widget</title><style>
body{margin:0;padding:12px;background:#fff} body[data-jp-theme-light="false"]{background:#12161a}</style>
<link rel="stylesheet" href="/style.css"><body data-jp-theme-light="THEME"><main><div id="place"></div></main>
<script type="module">
import widget from "/module.js";
const state = await (await fetch("/state")).json();
const hearers = {};
const model = {
  model_id: "one",
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; model.changed = { ...model.changed, [name]: value }; },
  save_changes: () => ask({ set: model.changed }),
  on: (name, hear) => { (hearers[name] ||= []).push(hear); },
  off: (name, hear) => { hearers[name] = (hearers[name] || []).filter((one) => one !== hear); },
  send: (content) => ask({ send: content }),
};
let last = Promise.resolve();
window.asked = 0;
function ask(what) {
  window.asked += 1;
  last = last.then(async () => {
    const answer = await (await fetch("/ask", { method: "POST", body: JSON.stringify(what) })).json();
    for (const [name, value] of Object.entries(answer.state)) {
      if (JSON.stringify(state[name]) === JSON.stringify(value)) continue;
      state[name] = value;
      for (const hear of hearers[`change:${name}`] || []) hear();
    }
    for (const content of answer.sent) for (const hear of hearers["msg:custom"] || []) hear(content);
    window.asked -= 1;
  });
}
if (widget.initialize) await widget.initialize({ model });
await widget.render({ model, el: document.getElementById("place") });
window.ready = true;
</script>"""


@contextmanager
def staged(widget: Window) -> Iterator[str]:
    """The address of a page with the widget; `?dark` after it for the dark theme."""
    sent: list[Any] = []
    widget.send = lambda content, buffers=None: sent.append(content)  # type: ignore[method-assign]

    def state() -> dict[str, Any]:
        return {name: getattr(widget, name) for name in widget.keys if name not in OWN and not name.startswith("_")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files = {"/module.js": ("text/javascript", widget._esm), "/style.css": ("text/css", widget._css)}
            files["/state"] = ("application/json", json.dumps(state()))
            theme = "false" if "dark" in self.path else "true"
            self.answer(*files.get(self.path, ("text/html", PAGE.replace("THEME", theme))))

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sent.clear()
            for name, value in asked.get("set", {}).items():
                setattr(widget, name, value)
            if "send" in asked:
                widget._heard(widget, asked["send"], [])
            self.answer("application/json", json.dumps({"state": state(), "sent": sent}))

        def answer(self, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextmanager
def shown(
    browser: Browser, widget: Window, *, dark: bool = False, width: int = 1200, height: int = 900, scale: float = 1
) -> Iterator[Page]:
    """A page with the widget, ready to be used; an error in its script fails the test."""
    with staged(widget) as url:
        page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
        page.set_default_timeout(8_000)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto(f"{url}?dark" if dark else url)
        page.wait_for_function("window.ready")
        settle(page)
        try:
            yield page
        finally:
            page.close()
        assert not [words for words in wrong if "favicon" not in words]


def slide(page: Page, slider: Locator, part: float) -> None:
    """Press a slider in its middle and drag it to a part of its width."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + part * box["width"], y, steps=6)
    page.mouse.up()
    settle(page)


def settle(page: Page) -> None:
    """Wait until Python has answered all that was asked, and two frames were drawn since."""
    for _ in range(2):
        page.wait_for_function("!window.asked && !document.querySelector('.ipo-widget[data-waiting]')")
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
