"""scontrol: one line a record (-o)."""

from __future__ import annotations

import getopt
from collections.abc import Callable, Mapping, Sequence

from jobgauge_demo.slurm.limits import show_assoc_mgr
from jobgauge_demo.slurm.nodes import show_licences, show_nodes, show_partitions, show_reservations
from jobgauge_demo.slurm.text import UsageError
from jobgauge_demo.slurm.view import View

_SHOWN: Mapping[str, Callable[[View], str]] = {
    "assoc_mgr": show_assoc_mgr,
    "licenses": show_licences,
    "node": show_nodes,
    "partition": show_partitions,
    "reservation": show_reservations,
}
_SAME = {
    "nodes": "node",
    "partitions": "partition",
    "reservations": "reservation",
    "res": "reservation",
    "lic": "licenses",
}


def scontrol(view: View, arguments: Sequence[str]) -> str:
    """Answer `scontrol show … -o`, and `scontrol ping`."""
    try:
        given, words = getopt.gnu_getopt(list(arguments), "oad", ["oneliner", "all", "details"])
    except getopt.GetoptError as error:
        raise UsageError(str(error)) from error
    if words == ["ping"]:
        return "Slurmctld(primary) at head is UP\n"
    match words:
        case ["show", what] if _SAME.get(what, what) in _SHOWN:
            if not dict(given).keys() & {"-o", "--oneliner"}:
                raise UsageError("only the output of --oneliner is simulated")
            if _SAME.get(what, what) == "node":
                return show_nodes(view, details=bool(dict(given).keys() & {"-d", "--details"}))
            return _SHOWN[_SAME.get(what, what)](view)
    raise UsageError(f"invalid entity or keyword: {' '.join(words)}")
