"""The files with which Grafana loads the boards and the data source by itself."""

from __future__ import annotations

from typing import Any

import yaml

from jobgauge_dashboards.board import Role
from jobgauge_dashboards.settings import Settings


def files(settings: Settings) -> dict[str, str]:
    """Return the provisioning files by their path below the output folder."""
    return {
        "provisioning/dashboards/jobgauge.yaml": _yaml(_boards(settings)),
        "provisioning/datasources/jobgauge.yaml": _yaml(_datasources(settings)),
    }


def _boards(settings: Settings) -> dict[str, Any]:
    providers = [
        {
            "name": f"jobgauge-{role.slug}",
            "folder": f"Jobgauge {role.folder}",
            "folderUid": f"jobgauge-{role.slug}",
            "type": "file",
            "allowUiUpdates": False,
            "updateIntervalSeconds": 60,
            "options": {"path": f"{settings.boards_path.rstrip('/')}/{role.slug}"},
        }
        for role in Role
    ]
    return {"apiVersion": 1, "providers": providers}


def _datasources(settings: Settings) -> dict[str, Any]:
    source = {
        "name": settings.datasource_name,
        "uid": settings.datasource_uid,
        "type": "prometheus",
        "access": "proxy",
        "url": settings.datasource_url,
        "editable": False,
        "jsonData": {
            "httpMethod": "POST",
            "timeInterval": f"{settings.scrape_interval:g}s",
            "manageAlerts": False,
            "disableGrafanaCache": True,  # a shared cache does not know whose answer it holds
            "httpHeaderName1": "X-Jobgauge-Channel",
        },
        "secureJsonData": {"httpHeaderValue1": "$__env{JOBGAUGE_CHANNEL_SECRET}"},
    }
    return {"apiVersion": 1, "datasources": [source]}


def _yaml(data: dict[str, Any]) -> str:
    return "# Written by jobgauge-dashboards.\n" + yaml.safe_dump(data, sort_keys=False, width=110)
