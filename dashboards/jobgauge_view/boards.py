"""The boards, as jobgauge-dashboards wrote them: read as they are, and again when their files change."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jobgauge.config import duration
from jobgauge.errors import ConfigError
from jobgauge_view.subset import not_drawn

log = logging.getLogger(__name__)

_DEFAULT_INTERVAL = 15.0  # seconds between scrapes, where the data source's file does not say: as in Grafana


@dataclass(frozen=True)
class Board:
    """One board and the folder of Grafana that it is in."""

    folder: str
    json: Mapping[str, Any]

    @property
    def uid(self) -> str:
        """The board's name in URLs."""
        return str(self.json["uid"])

    @property
    def summary(self) -> dict[str, Any]:
        """What a list of boards shows."""
        return {
            "uid": self.uid,
            "title": self.json.get("title", self.uid),
            "question": self.json.get("description", ""),
            "folder": self.folder,
            "tags": self.json.get("tags", []),
        }

    @property
    def detail(self) -> dict[str, Any]:
        """The board itself, and by the ids of its panels what the viewer does not draw of it."""
        return {"board": self.json, "notDrawn": not_drawn(self.json)}


class Boards:
    """All boards of a folder."""

    def __init__(self, folder: Path) -> None:
        """Look into the folder; raise ConfigError where no board lies there."""
        self._folder = folder
        self._read: dict[Path, tuple[int, Board | None]] = {}
        if not self.all():
            raise ConfigError(
                f"{folder} holds no boards: write some there with jobgauge-dashboards --out {folder}"
            )

    def all(self) -> list[Board]:
        """Return the boards, folder by folder in the order of the provisioning files."""
        order = {slug: place for place, slug in enumerate(self.folders)}
        found = [(path.parent.name, board) for path, board in self._each()]
        return [
            board for _, board in sorted(found, key=lambda one: (order.get(one[0], len(order)), one[1].uid))
        ]

    def find(self, uid: str) -> Board | None:
        """Return the board with this uid."""
        return next((board for board in self.all() if board.uid == uid), None)

    @property
    def folders(self) -> dict[str, str]:
        """The titles of the folders, by their names on disk."""
        providers = self._provisioned("dashboards", "providers")
        return {
            Path(one["options"]["path"]).name: one["folder"].removeprefix("Jobgauge ") for one in providers
        }

    @property
    def scrape_interval(self) -> float:
        """Seconds between scrapes, as Grafana's data source would be told."""
        for source in self._provisioned("datasources", "datasources"):
            return duration(source["jsonData"]["timeInterval"])
        return _DEFAULT_INTERVAL

    def _each(self) -> Iterator[tuple[Path, Board]]:
        titles = self.folders
        for path in sorted(self._folder.glob("*/*.json")):
            version = path.stat().st_mtime_ns
            if self._read.get(path, (0, None))[0] != version:
                self._read[path] = version, _load(path, titles.get(path.parent.name, path.parent.name))
            if board := self._read[path][1]:
                yield path, board

    def _provisioned(self, kind: str, key: str) -> list[dict[str, Any]]:
        path = self._folder / "provisioning" / kind / "jobgauge.yaml"
        if not path.exists():
            return []
        found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))[key]
        return found


def _load(path: Path, folder: str) -> Board | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        log.warning("%s is left out: %s", path, error)
        return None
    if isinstance(raw, dict) and isinstance(raw.get("uid"), str) and isinstance(raw.get("panels"), list):
        return Board(folder, raw)
    log.warning("%s is left out: it is no board with a uid and panels", path)
    return None
