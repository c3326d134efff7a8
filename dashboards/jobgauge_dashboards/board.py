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
from jobgauge_dashboards.panels import DATASOURCE, Panel
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
    """Lines of panels under a heading; a closed row asks nothing until somebody opens it.

    The panels of a line share its width, after those that name their own, and are as high as the highest of them.
    """

    title: str
    lines: Sequence[Sequence[Panel]]
    closed: bool = False


@dataclass(frozen=True)
class Annotation:
    """Marks on every panel's time axis; `at_value` puts them at the time that the query's value is, in milliseconds."""

    name: str
    expr: str
    title: str
    text: str
    colour: str
    at_value: bool = False

    def to_json(self) -> Json:
        """As Grafana has it."""
        return {
            "datasource": DATASOURCE,
            "enable": True,
            "expr": self.expr,
            "iconColor": self.colour,
            "name": self.name,
            "step": "60s",
            "tagKeys": "",
            "textFormat": self.text,
            "titleFormat": self.title,
            "useValueForTime": "on" if self.at_value else False,
        }


@dataclass(frozen=True)
class Board:
    """A board before it is JSON."""

    name: str  # the uid is jobgauge-<name>, which links and the address bar hold on to
    title: str
    question: str  # what the reader comes to find out
    role: Role
    variables: tuple[Variable, ...]
    rows: Sequence[Row]
    annotations: Sequence[Annotation] = ()
    time: str = "now-6h"
    refresh: str = "1m"

    @property
    def uid(self) -> str:
        """Grafana's name of the board."""
        return links.UID_PREFIX + self.name

    def to_json(self, settings: Settings) -> Json:
        """Return the board as Grafana reads it."""
        made = core.Dashboard(
            title=f"{self.title} · {settings.site_name}" if settings.site_name else self.title,
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
            annotations=core.Annotations([annotation.to_json() for annotation in self.annotations]),
            templating=core.Templating(templates(self.variables, settings)),
        )
        raw: Json = json.loads(json.dumps(made.to_json_data(), cls=DashboardEncoder))
        for dead in (
            "__inputs",
            "gnetId",
            "hideControls",
            "id",
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
            panel.to_json() | {"id": next(ids), "gridPos": place} for panel, place in _flow(row.lines, y + 1)
        ]
        yield heading | {"panels": placed if row.closed else []}
        if row.closed:
            y += 1
        else:
            yield from placed
            y = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in placed)


def _flow(lines: Sequence[Sequence[Panel]], y: int) -> Iterator[tuple[Panel, dict[str, int]]]:
    """Set the panels of each line from left to right."""
    for line in lines:
        height = max(panel.height for panel in line)
        sharing = sum(not panel.width for panel in line) or 1
        share, left = divmod(_COLUMNS - sum(panel.width for panel in line), sharing)
        x = 0
        for panel in line:
            width = panel.width or share + (left > 0)
            left -= not panel.width
            yield panel, {"x": x, "y": y, "w": width, "h": height}
            x += width
        y += height
