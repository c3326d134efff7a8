"""A board: rows of panels, laid out on Grafana's grid, with variables and links as every board of ours has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count

from grafanalib import core
from grafanalib._gen import DashboardEncoder

from jobgauge_dashboards import links
from jobgauge_dashboards.panels import Panel
from jobgauge_dashboards.settings import Settings
from jobgauge_dashboards.style import Json
from jobgauge_dashboards.variables import Variable, templates

SCHEMA_VERSION = 42  # of Grafana 12 and 13; 9.2 and later read it as it is
_COLUMNS = 24


class Role(Enum):
    """For whom a board is, and so its folder in Grafana: (folder's name on disk, its title)."""

    USERS = ("users", "Jobs")
    PIS = ("pis", "Accounts")
    STAFF = ("staff", "Staff")
    OPERATORS = ("operators", "Operations")
    MANAGEMENT = ("management", "Management")

    @property
    def slug(self) -> str:
        """The folder's name on disk, and the end of its uid."""
        return self.value[0]

    @property
    def folder(self) -> str:
        """The folder's title in Grafana."""
        return self.value[1]


@dataclass(frozen=True)
class Row:
    """Panels side by side, wrapped where they do not fit; a closed row asks nothing until somebody opens it."""

    title: str
    panels: Sequence[Panel]
    closed: bool = False


@dataclass(frozen=True)
class Board:
    """A board before it is JSON."""

    name: str  # the uid is jobgauge-<name>, which links and the address bar hold on to
    title: str
    question: str  # what the reader comes to find out
    role: Role
    variables: tuple[Variable, ...]
    rows: Sequence[Row]
    time: str = "now-6h"
    refresh: str = "1m"

    @property
    def uid(self) -> str:
        """Grafana's name of the board."""
        return links.UID_PREFIX + self.name

    def to_json(self, settings: Settings) -> Json:
        """Return the board as Grafana reads it."""
        made = core.Dashboard(
            title=self.title,
            uid=self.uid,
            description=self.question,
            tags=["jobgauge", self.role.slug],
            schemaVersion=SCHEMA_VERSION,
            timezone="browser",
            refresh=self.refresh,
            time=core.Time(self.time, "now"),
            graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
            editable=True,
            links=_links(settings),
            templating=core.Templating(templates(self.variables, settings)),
        )
        raw: Json = json.loads(json.dumps(made.to_json_data(), cls=DashboardEncoder))
        for dead in (
            "__inputs",
            "gnetId",
            "hideControls",
            "rows",
            "sharedCrosshair",
            "style",
            "timepicker",
            "version",
        ):
            del raw[dead]
        return raw | {
            "panels": list(_placed(self.rows)),
            "liveNow": False,
            "weekStart": "",
            "fiscalYearStartMonth": 0,
        }


def _links(settings: Settings) -> list[Json]:
    made = [
        core.DashboardLink(
            title="Boards", tags=["jobgauge"], asDropdown=True, includeVars=True, keepTime=True
        )
    ]
    if settings.docs_url:
        made.append(core.DashboardLink(title="Documentation", type="link", uri=settings.docs_url, icon="doc"))
    if settings.contact:
        contact = settings.contact if "://" in settings.contact else f"mailto:{settings.contact}"
        made.append(core.DashboardLink(title="Ask for help", type="link", uri=contact, icon="question"))
    return [link.to_json_data() | {"targetBlank": link.type == "link"} for link in made]


def _placed(rows: Sequence[Row]) -> Iterator[Json]:
    """Give every panel its id and place, row by row."""
    ids, y = count(1), 0
    for row in rows:
        heading: Json = {"type": "row", "title": row.title, "collapsed": row.closed, "panels": []}
        heading |= {"id": next(ids), "gridPos": {"x": 0, "y": y, "w": _COLUMNS, "h": 1}}
        placed = [
            panel.to_json() | {"id": next(ids), "gridPos": place} for panel, place in _flow(row.panels, y + 1)
        ]
        yield heading | {"panels": placed if row.closed else []}
        if row.closed:
            y += 1
        else:
            yield from placed
            y = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in placed)


def _flow(panels: Sequence[Panel], y: int) -> Iterator[tuple[Panel, dict[str, int]]]:
    """Set panels from left to right; one that does not fit starts a new line."""
    free = _COLUMNS - sum(panel.width for panel in panels)
    shared = [panel for panel in panels if not panel.width]
    share = max(free // len(shared), 1) if shared else 0
    x = line = 0
    for panel in panels:
        width = panel.width or share
        if x + width > _COLUMNS:
            x, y, line = 0, y + line, 0
        yield panel, {"x": x, "y": y, "w": width, "h": panel.height}
        x, line = x + width, max(line, panel.height)
