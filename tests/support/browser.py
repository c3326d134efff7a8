"""Debian's Chromium, and pages in it that remember what went wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright

from tests.support.view import View

PICTURES = Path(__file__).parents[2] / "build/pictures"
SECONDS = 60_000  # ms, only ever waited for in full where something is broken
WIDE = {"width": 1400, "height": 1000}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    program = shutil.which("chromium")
    assert program, "chromium is not installed: apt-get install chromium"
    with sync_playwright() as playwright:
        # The sandbox wants rights that a container does not give; only our own pages are opened.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Seen:
    """A page with what the browser said of it."""

    page: Page
    view: View
    problems: list[str] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open an address, and wait until all is drawn."""
        self.page.goto(self.view.url + path)
        self.wait()

    def wait(self) -> None:
        """Wait until nothing is asked any more."""
        expect(self.page.locator(".board[data-state=ready]").first).to_be_visible(timeout=SECONDS)
        expect(self.page.locator(".panel[aria-busy]")).to_have_count(0, timeout=SECONDS)
        expect(self.page.locator(".panel[data-state=waiting]")).to_have_count(0, timeout=SECONDS)

    def open_rows(self) -> None:
        """Open all closed rows."""
        closed = self.page.locator(".section h2 button[aria-expanded=false]")
        while closed.count():
            closed.first.click()
        self.wait()

    def panels(self) -> dict[str, dict[str, str]]:
        """Return the state, the title and the text of every panel, by its id."""
        script = """panels => panels.map(panel => [panel.dataset.id, {
            state: panel.dataset.state, title: panel.querySelector("h3").textContent, text: panel.innerText}])"""
        found: list[tuple[str, dict[str, str]]] = self.page.locator(".panel").evaluate_all(script)
        return dict(found)

    def panel(self, title: str) -> Any:
        """Return the panel with this title."""
        return self.page.locator(".panel").filter(
            has=self.page.get_by_role("heading", name=title, exact=True)
        )

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.evaluate("scrollTo(0, 0)")
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)

    def told(self) -> list[str]:
        """Return the bodies of all that was asked of the gateway."""
        return [answer.text() for answer in self.answers if "/api/prom/" in answer.url]


@contextmanager
def visit(browser: Browser, view: View, login: str = "", **options: Any) -> Iterator[Seen]:
    """Give a page in a browser of its own, as one of the demonstration's users."""
    context = signed_in(browser, view, login, **options)
    with page_of(context, view) as seen:
        yield seen
    context.close()


def signed_in(browser: Browser, view: View, login: str = "", **options: Any) -> BrowserContext:
    """Return a browser of one of the demonstration's users, with nothing of others in it."""
    usual = {"viewport": WIDE, "color_scheme": "light", "reduced_motion": "reduce"}
    context = browser.new_context(**(usual | options))
    if login:
        name, _, value = view.choose(login).partition("=")
        context.add_cookies([{"name": name, "value": value, "url": view.url}])
    return context


@contextmanager
def page_of(context: BrowserContext, view: View) -> Iterator[Seen]:
    """Give a new page in a browser."""
    seen = Seen(context.new_page(), view)
    seen.page.on("console", lambda said: _note(seen, said.type, said.text))
    seen.page.on("pageerror", lambda error: seen.problems.append(f"error: {error}"))
    seen.page.on(
        "dialog", lambda dialog: (seen.problems.append(f"dialog: {dialog.message}"), dialog.dismiss())
    )
    seen.page.on("response", lambda answer: seen.answers.append(answer))  # noqa: PLW0108 - playwright marks what it is given
    seen.page.on("request", lambda request: _note_outside(seen, request.url))
    yield seen
    seen.page.close()


def _note(seen: Seen, kind: str, text: str) -> None:
    # A refusal is shown in its panel; the browser tells of it too.
    if kind in ("error", "warning", "trace") and "Failed to load resource" not in text:
        seen.problems.append(f"{kind}: {text}")


def _note_outside(seen: Seen, url: str) -> None:
    if urlsplit(url).netloc != seen.view.address and not url.startswith(("data:", "blob:")):
        seen.problems.append(f"request outside: {url}")


def success(result: Any, kind: str = "vector") -> bytes:
    """Return an answer of the query API."""
    data = result if kind == "" else {"resultType": kind, "result": result}
    return json.dumps({"status": "success", "data": data}).encode()
