"""A headless Chromium, spoken to over its DevTools protocol."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import websocket
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from headless_conformance.core.process import end_group

SECONDS = 30.0
"""Bound on Chromium starting and on anything appearing on a page."""


class Page:
    """One tab."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self._socket = socket
        self._sent = 0

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": params}))
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv())
            if message.get("id") == self._sent:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script: str) -> Any:
        """The value of a JavaScript expression once it is true; AssertionError after SECONDS."""
        polling = Retrying(
            retry=retry_if_result(lambda value: not value),
            stop=stop_after_delay(SECONDS),
            wait=wait_fixed(0.1),
            retry_error_callback=lambda _: None,
        )
        value = polling(self.evaluate, script)
        assert value, f"not so within {SECONDS:.0f} s: {script}\n{self.evaluate('document.body.innerText')}"
        return value

    def click(self, selector: str, text: str) -> None:
        """Click the first element of a CSS selector whose text contains `text`, once it is there."""
        elements = f"[...document.querySelectorAll({json.dumps(selector)})]"
        found = f"{elements}.find(element => element.textContent.includes({json.dumps(text)}))"
        self.until(f"!!{found}")
        self.evaluate(f"{found}.click()")

    def screenshot(self, path: Path) -> None:
        """The visible part as PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))


@contextmanager
def chromium(profile: Path) -> Iterator[Page]:
    """A Chromium with a profile of its own, which ends with the block."""
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"]
    command += ["--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
    child = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        port = profile / "DevToolsActivePort"
        for attempt in Retrying(stop=stop_after_delay(SECONDS), wait=wait_fixed(0.1), reraise=True):
            with attempt:
                number = port.read_text().split()[0]
                tabs = json.load(urlopen(f"http://127.0.0.1:{number}/json", timeout=5))
                address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        socket = websocket.create_connection(address, suppress_origin=True, timeout=SECONDS)
        try:
            yield Page(socket)
        finally:
            socket.close()
    finally:
        end_group(child)
