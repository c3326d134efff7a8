"""Where the data files of the suite lie: in an installed wheel below this package, in a checkout in their own folders."""

from __future__ import annotations

from pathlib import Path

from jobgauge.errors import SourceError

_HERE = Path(__file__).parent
_IN_CHECKOUT = {"recording_rules": "recording_rules", "dashboards": "dashboards/json"}


def folder(name: str) -> Path:
    """Return the folder of the rule files (`recording_rules`) or of the boards (`dashboards`)."""
    places = (_HERE / "_data" / name, _HERE.parents[1] / _IN_CHECKOUT[name])
    for place in places:
        if place.is_dir():
            return place
    raise SourceError(f"no {name} in {places[0]} nor {places[1]}: install jobgauge again")
