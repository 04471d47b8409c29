"""Drives a real Chromium without a screen: opens pages, strikes keys, and tells what a page shows, asks for and complains of.

It needs Debian's packages chromium, chromium-driver and python3-selenium, and a font: fonts-dejavu-core.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from daemon import SCRATCH
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.remote_connection import RemoteConnection

CHROMIUM = "/usr/bin/chromium"
CHROMEDRIVER = "/usr/bin/chromedriver"

COMMAND_SECONDS = 30.0  # 0.9 s to start and 0.1 s for a page when the machine has nothing else to do
EVALUATE_SECONDS = 10.0
END_SECONDS = 10.0
POLL_SECONDS = 0.02

NO_BUS = {"DBUS_SESSION_BUS_ADDRESS": "disabled:", "DBUS_SYSTEM_BUS_ADDRESS": "disabled:"}  # the buses are outside the machine

FLAGS = (
    "--headless=new",
    # Its sandbox refuses root, and everybody is root in a private machine. Only pages of the tests are opened.
    "--no-sandbox",
    "--disable-gpu",  # a picture is the same on each machine
    "--disable-dev-shm-usage",  # /dev/shm is small in a container
    "--disable-extensions",  # Debian's wrapper brings all that are installed
)
# What Chromium asks for on its own account is all at .com (updates, the time, its search engine), and nothing of ours is.
NOBODY = "MAP *.com ~NOTFOUND"


class Driver(Service):
    """The chromedriver. Its start and its end are not slept for: selenium looks once in half a second."""

    def is_connectable(self) -> bool:
        deadline = time.monotonic() + COMMAND_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            if super().is_connectable():
                return True
            time.sleep(POLL_SECONDS / 2)
        return False

    def send_remote_shutdown_command(self) -> None:
        """It is ended by SIGTERM, which comes next."""


class Browser:
    """One window with one page. As a context manager all its processes are ended. `resolve`: addresses for names, by name."""

    def __init__(self, *, width: int = 1280, height: int = 900, is_dark: bool = False, resolve: dict[str, str] | None = None) -> None:
        self.driver: Chrome | None = None
        self.complaints_: list[str] = []
        self.requests_: list[str] = []
        self.home_ = tempfile.TemporaryDirectory(prefix="browser-", dir=SCRATCH, ignore_cleanup_errors=True)
        self.home = Path(self.home_.name).absolute()
        try:
            self.start_(resolve or {})
            self.resize(width, height)
            self.set_dark(is_dark)
        except BaseException:
            self.close()
            raise

    def start_(self, resolve: dict[str, str]) -> None:
        options = Options()
        options.binary_location = CHROMIUM
        options.ignore_local_proxy_environment_variables()
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        options.add_experimental_option("perfLoggingPrefs", {"enableNetwork": True, "enablePage": False})
        rules = [*(f"MAP {name} {address}" for name, address in resolve.items()), NOBODY]  # the first that fits
        for flag in (*FLAGS, f"--host-resolver-rules={','.join(rules)}", f"--user-data-dir={self.home / 'profile'}"):
            options.add_argument(flag)
        home = str(self.home)
        service = Driver(
            executable_path=CHROMEDRIVER,  # as it has a path, selenium looks for none, nor fetches one
            log_path=str(self.home / "log"),
            env={"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", **NO_BUS},
            popen_kw={"start_new_session": True},
        )
        RemoteConnection.set_timeout(COMMAND_SECONDS)
        self.driver = Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(COMMAND_SECONDS / 2)

    def command_(self, name: str, **parameters: Any) -> dict[str, Any]:
        """One of the DevTools protocol, to this page."""
        return self.driver.execute_cdp_cmd(name, parameters)

    # What a user does

    def go(self, url: str) -> None:
        """Open a page and wait until it is loaded. What earlier ones asked for and complained of is forgotten; size and colours stay."""
        self.read_logs_()
        self.complaints_, self.requests_ = [], []
        self.driver.get(url)

    def press(self, *keys: str) -> None:
        """Strike keys, which the element with the focus gets: characters, and names such as Enter, ArrowDown and Shift+Tab."""
        chain = ActionChains(self.driver)
        for key in keys:
            *held, last = [code(one) for one in key.split("+")] if len(key) > 1 else [key]
            for modifier in held:
                chain.key_down(modifier)
            chain.send_keys(last)
            for modifier in reversed(held):
                chain.key_up(modifier)
        chain.perform()

    def resize(self, width: int, height: int) -> None:
        """Make this the size of the viewport, which may be narrower than any window."""
        self.command_("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def set_dark(self, is_dark: bool) -> None:
        scheme = "dark" if is_dark else "light"
        self.command_("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def set_visible(self, is_visible: bool) -> None:
        """Minimize the window or bring it back, and wait until the page has been told. While it is hidden nothing is painted."""
        window = self.command_("Browser.getWindowForTarget")["windowId"]
        self.command_("Browser.setWindowBounds", windowId=window, bounds={"windowState": "normal" if is_visible else "minimized"})
        state = "visible" if is_visible else "hidden"
        self.wait(f"document.visibilityState === '{state}'", f"the page is {state}")

    # What the page is and does

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; that of a promise is awaited. What is thrown is raised as an AssertionError."""
        milliseconds = int(EVALUATE_SECONDS * 1000)
        late = f"new Promise((_, fail) => setTimeout(() => fail(new Error('no value in {EVALUATE_SECONDS} s')), {milliseconds}))"
        answer = self.command_(
            "Runtime.evaluate",
            expression=f"Promise.race([(async () => ({expression}))(), {late}])",
            awaitPromise=True,
            returnByValue=True,
            timeout=milliseconds,
            allowUnsafeEvalBlockedByCSP=False,  # as for the scripts of the page
        )
        if trouble := answer.get("exceptionDetails"):
            what = trouble.get("exception", {})
            raise AssertionError(f"{expression} raised {what.get('description') or what.get('value') or trouble['text']}")
        return answer["result"].get("value")

    def wait(self, condition: str, what: str, seconds: float = 10.0) -> None:
        """Evaluate it again until it holds. One that raises does not hold: the page may still be on its way."""
        deadline = time.monotonic() + seconds
        trouble = ""
        while True:
            try:
                if self.evaluate(f"Boolean(await ({condition}))"):
                    return
                trouble = ""
            except (AssertionError, WebDriverException) as error:
                trouble = f" ({first_line(error)})"
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}{trouble}; {self.shown_()}")
            time.sleep(POLL_SECONDS)

    def shown_(self) -> str:
        try:
            text = self.evaluate("document.body.innerText")
            complaints = "\n".join(self.complaints()) or "nothing"
            return f"the page shows:\n{text}\n(end of the page), and complains of:\n{complaints}"
        except (AssertionError, WebDriverException) as error:
            return f"the page cannot be asked: {first_line(error)}"

    def text(self, selector: str) -> list[str]:
        """That of each element that a CSS selector finds, with the lines as they are shown; of one that is hidden as well."""
        return self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map(one => one.innerText ?? one.textContent)")

    def accessibility(self) -> list[tuple[str, str]]:
        """Role and name of all that a screen reader is told of, in the order of the page. The lines within a text are left out."""
        nodes = {one["nodeId"]: one for one in self.command_("Accessibility.getFullAXTree")["nodes"]}
        found: list[tuple[str, str]] = []
        waiting = [one for one in nodes.values() if one.get("parentId") not in nodes][::-1]
        while waiting:
            node = waiting.pop()
            waiting += [nodes[child] for child in reversed(node.get("childIds", [])) if child in nodes]
            role = node.get("role", {}).get("value", "")
            if not node["ignored"] and role != "InlineTextBox":
                found.append((role, node.get("name", {}).get("value", "")))
        return found

    def picture(self, path: Path | str, whole_page: bool = True) -> None:
        """Write a PNG of the page, or only of what is in the viewport."""
        options: dict[str, Any] = {"format": "png", "captureBeyondViewport": whole_page}
        if whole_page:
            size = self.command_("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        Path(path).write_bytes(base64.b64decode(self.command_("Page.captureScreenshot", **options)["data"]))

    def complaints(self) -> list[str]:
        """The errors and warnings on the console since the page was opened: of scripts, failed requests and the content security policy."""
        self.read_logs_()
        return list(self.complaints_)

    def requests(self) -> list[str]:
        """The URL of all that was asked for since the page was opened, itself included."""
        self.read_logs_()
        return list(self.requests_)

    def read_logs_(self) -> None:
        self.complaints_ += [one["message"] for one in self.driver.get_log("browser") if one["level"] in ("SEVERE", "WARNING")]
        for one in self.driver.get_log("performance"):
            event = json.loads(one["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                self.requests_.append(event["params"]["request"]["url"])

    # The end

    def processes_(self) -> list[int]:
        """All that are left: each of them, also those in a session of their own, has our folder in its command line."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if str(self.home).encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
        return found

    def close(self) -> None:
        """End it whatever its state. Does nothing the second time."""
        deadline = time.monotonic() + END_SECONDS
        while left := self.processes_():
            assert time.monotonic() < deadline, f"processes of the browser do not end: {left}"
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(POLL_SECONDS)
        if self.driver:
            self.driver.service.stop()  # it has ended, and is waited for
            self.driver.command_executor.close()
            self.driver = None
        self.home_.cleanup()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def first_line(error: Exception) -> str:
    """Without the stack of chromedriver."""
    return str(error).partition("\n")[0]


def code(key: str) -> str:
    """What selenium calls a key that has a name, as ARROW_DOWN for ArrowDown; a character is itself."""
    if len(key) == 1:
        return key
    return Keys.RETURN if key == "Enter" else getattr(Keys, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).upper())
