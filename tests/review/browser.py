"""A headless Chromium, driven over the DevTools protocol's pipe: no port, no package."""

import json
import os
import shutil
import subprocess
import time
from base64 import b64decode
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    "--remote-debugging-pipe",
)


class Browser:
    """One page.

    Attributes:
        problems: the errors and warnings that its console got, uncaught ones too, and dialogs that it opened.
        asked: the URLs that it asked for, but for those that hold their data.
    """

    def __init__(self, profile: Path, size: tuple[int, int] = (1000, 800), *, is_dark: bool = False) -> None:
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        self._rest = b""
        self._last = 0
        self.problems: list[str] = []
        self.asked: list[str] = []

        def place() -> None:
            # Chromium reads commands from descriptor 3 and answers on 4.
            first, second = os.dup(read_commands), os.dup(write_answers)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self._process = subprocess.Popen(
            [str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=place,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        self._session = ""
        pages = self.call("Target.getTargets")["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        width, height = size
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._last:
                assert "error" not in answer, (method, answer)
                return dict(answer["result"])
            if "method" in answer:
                self._note(answer)

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until a JavaScript expression is true, 5 seconds at most."""
        end = time.monotonic() + 5
        while not self.run(f"(() => {{ try {{ return !!({condition}) }} catch {{ return false }} }})()"):
            assert time.monotonic() < end, f"never came: {condition}; {self.problems}"
            time.sleep(0.02)

    def press(self, key: str, code: str = "") -> None:
        text = "\r" if key == "Enter" else key if len(key) == 1 else ""
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code, text=text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def shoot(self, path: Path) -> None:
        path.write_bytes(b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        self._session = ""
        os.write(self._commands, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._answers, 1 << 16)
            assert part, "Chromium went away"
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        return dict(json.loads(message))

    def _note(self, event: dict[str, Any]) -> None:
        details = event.get("params", {})
        if event["method"] == "Runtime.exceptionThrown":
            self.problems.append(str(details["exceptionDetails"]))
        elif event["method"] == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.problems.append(details["entry"]["text"])
        elif event["method"] == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning"):
            self.problems.append(str(details["args"]))
        elif event["method"] == "Network.requestWillBeSent" and not details["request"]["url"].startswith("data:"):
            self.asked.append(details["request"]["url"])
        elif event["method"] == "Page.javascriptDialogOpening":
            self.problems.append(f"dialog: {details['message']}")
            # The page stands still until somebody answers.
            answer = {"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
            os.write(self._commands, json.dumps({**answer, "sessionId": self._session}).encode() + b"\0")
