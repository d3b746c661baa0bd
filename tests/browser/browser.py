"""A headless Chromium, spoken to by the DevTools protocol over two pipes: no port, no other package."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PATIENCE = 60.0


def find() -> str | None:
    """The path of a Chromium, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def why_not() -> str | None:
    """Why no browser can be started here; None where one can."""
    if find() is None:
        return "no Chromium; tests/browser/install installs Debian's"
    return None


class Browser:
    """One tab of a Chromium, with everything that it says in `events`."""

    def __init__(self, to: int, back: int, process: subprocess.Popen) -> None:
        self._to, self._back, self._process = to, back, process
        self._rest, self._number, self._session = b"", 0, None
        self.events: list[dict[str, Any]] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **params: Any) -> dict[str, Any]:
        """What the browser answers to a command; raises RuntimeError where it refuses."""
        self._number += 1
        sent = {"id": self._number, "method": method, "params": params}
        if self._session:
            sent["sessionId"] = self._session
        os.write(self._to, json.dumps(sent).encode() + b"\0")
        for message in self._messages():
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
            self.events.append(message)
        raise RuntimeError(f"{method}: no answer")

    def _messages(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            while b"\0" in self._rest:
                whole, self._rest = self._rest.split(b"\0", 1)
                yield json.loads(whole)
            if select.select([self._back], [], [], 0.2)[0]:
                self._rest += os.read(self._back, 2**20)
            elif self._process.poll() is not None:
                raise RuntimeError(f"the browser ended with code {self._process.returncode}")

    def open(self, page: Path, width: int, *, height: int = 900, dark: bool = False) -> None:
        """Load a file at a width in pixels, and wait until it is there; `events` begin anew."""
        self.events.clear()
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
             mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", media="screen", features=[scheme])
        self("Page.navigate", url=page.resolve().as_uri())
        self.until("document.readyState === 'complete'")

    def open_without_scripts(self, page: Path, width: int) -> None:
        """As `open`, where the page's scripts must not run."""
        self.events.clear()
        self("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self("Page.navigate", url=page.resolve().as_uri())
        end = time.monotonic() + _PATIENCE
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            if time.monotonic() > end:
                raise RuntimeError(f"{page} was never loaded")
            self("Page.getFrameTree")
            time.sleep(0.05)

    def text(self) -> str:
        """All text of the page, also where scripts are off."""
        root = self("DOM.getDocument", depth=1)["root"]["nodeId"]
        body = self("DOM.querySelector", nodeId=root, selector="body")["nodeId"]
        return self("DOM.getOuterHTML", nodeId=body)["outerHTML"]

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, as JSON; raises RuntimeError where it throws."""
        found = self("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", script))
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait for a JavaScript expression to be true."""
        end = time.monotonic() + _PATIENCE
        while not self.run(script):
            if time.monotonic() > end:
                raise RuntimeError(f"never true: {script}")
            time.sleep(0.05)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        options: dict[str, Any] = {"captureBeyondViewport": whole}
        if whole:
            size = self("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot", **options)["data"]))

    def pdf(self, path: Path, *, dark: bool = False) -> None:
        """Print the page, as a reader does who otherwise prefers light or dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", media="", features=[scheme])
        path.write_bytes(base64.b64decode(self("Page.printToPDF", printBackground=True)["data"]))

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, and exceptions, since the page was opened."""
        said = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                said.append(json.dumps(params["exceptionDetails"])[:500])
            elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                said.append(params["entry"]["text"])
            elif event.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                said.append(json.dumps(params["args"])[:500])
        return said

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was opened."""
        asked = (
            e["params"]["request"]["url"]
            for e in self.events
            if e.get("method") == "Network.requestWillBeSent"
        )
        return [url for url in asked if not url.startswith("data:")]


@contextmanager
def start() -> Iterator[Browser]:
    """A browser that ends with the block, and leaves nothing behind."""
    theirs_in, to = os.pipe()
    back, theirs_out = os.pipe()
    with TemporaryDirectory(prefix="downlaw-browser-", ignore_cleanup_errors=True) as profile:
        options = [
            *("--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-dev-shm-usage", f"--user-data-dir={profile}"),
        ]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium has no sandbox for root
        # The browser reads commands from file 3 and answers on file 4.
        shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        process = subprocess.Popen(
            ["bash", "-c", shell, "browser", find(), *options],
            pass_fds=(theirs_in, theirs_out),
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        try:
            yield Browser(to, back, process)
        finally:
            process.terminate()
            process.wait(20)
            os.close(to)
            os.close(back)
