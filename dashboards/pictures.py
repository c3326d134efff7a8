#!/usr/bin/env python3
"""Takes the pictures of the main boards that the documentation shows, from a Grafana that runs on the demo's data.

python dashboards/pictures.py http://sam:demo@127.0.0.1:9792 JOBID docs/pictures

The address may carry a login, who must be of the staff; JOBID is a running job of alice.
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
SIZE = {"width": 1280, "height": 860}
SECONDS = 60
BOARDS = ("my-jobs", "job", "pending", "account", "inefficient", "cluster-overview")
# Grafana shows a bar at the top of each panel that still waits for data.
WAITING = "[aria-label='Panel loading bar'], [data-testid*='Panel loading']"


def log_in(page: Page, grafana: str, user: str, password: str) -> None:
    """Sign in by Grafana's own form."""
    page.goto(f"{grafana}/login")
    page.fill("input[name=user]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def take(page: Page, grafana: str, board: str, job: str, file: Path) -> None:
    """Open a board and take a picture of its first screen."""
    chosen = {"var-user": "alice", "var-jobid": job, "var-account": "physics"}
    time = {"from": "now-6h", "to": "now"} if board == "job" else {}
    page.goto(f"{grafana}/d/jobgauge-{board}?kiosk&theme=dark&{urlencode(chosen | time)}")
    page.wait_for_selector("[data-viz-panel-key], .react-grid-item")
    page.wait_for_load_state("networkidle")
    page.wait_for_function("what => !document.querySelector(what)", arg=WAITING)
    page.wait_for_timeout(1000)  # the panels draw what has arrived
    page.screenshot(path=file, animations="disabled")


def main() -> None:
    """Take all pictures."""
    address, job, folder = sys.argv[1:]
    parts = urlsplit(address)
    grafana = f"{parts.scheme}://{parts.hostname}:{parts.port or 80}{parts.path.rstrip('/')}"
    Path(folder).mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=SIZE)
        page.set_default_timeout(SECONDS * 1000)
        if parts.username:
            log_in(page, grafana, parts.username, parts.password or "")
        for board in BOARDS:
            take(page, grafana, board, job, Path(folder) / f"{board}.png")
        browser.close()


if __name__ == "__main__":
    main()
