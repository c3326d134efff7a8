"""Recorded answers of a real OpenPBS, and programs that give them as qstat and its siblings would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.slurm import program

FIXTURES = Path(__file__).parents[1] / "fixtures" / "pbs"
OPENPBS = FIXTURES / "openpbs-23.06.06"
TORQUE = FIXTURES / "torque"


def told(name: str, what: str) -> dict[str, dict[str, Any]]:
    """Return the records that the JSON form tells."""
    found: dict[str, dict[str, Any]] = json.loads((OPENPBS / name).read_text())[what]
    return found


def plain(heading: str, records: dict[str, dict[str, Any]]) -> str:
    """Write records in the plain form."""
    text = ""
    for name, attributes in records.items():
        text += f"{heading}{name}\n"
        for key, value in attributes.items():
            if isinstance(value, dict):
                text += "".join(f"    {key}.{inner} = {item}\n" for inner, item in value.items())
            else:
                text += f"    {key} = {value}\n"
        text += "\n"
    return text


def clients(folder: Path) -> Path:
    """Make a directory of clients that answer with what a real OpenPBS said."""
    for option, heading, what in (("Q", "Queue: ", "Queue"), ("B", "Server: ", "Server")):
        (folder / f"{option}.txt").write_text(plain(heading, told(f"qstat_{option}_f_json.json", what)))
    everything = told("qstat_x_t_f_json.json", "Jobs")
    (folder / "x.txt").write_text(plain("Job Id: ", everything))
    running = [name for name, job in everything.items() if job["job_state"] == "R"]
    tasks = {name: everything[name] for name in running if "[" in name}
    (folder / "tasks.txt").write_text(plain("Job Id: ", tasks))
    program(
        folder / "qstat",
        f'case "$*" in "-f -w") cat {OPENPBS}/qstat_f.txt;; "-Q -f") cat {folder}/Q.txt;; '
        f'"-x -t -f -w") cat {folder}/x.txt;; "-x -f -w {" ".join(tasks)}") cat {folder}/tasks.txt;; '
        f'"-B -f") cat {folder}/B.txt;; *) exit 2;; esac',
    )
    program(folder / "qselect", f'[ "$*" = "-T -s R" ] && printf "%s\\n" {" ".join(map(repr, running))}')
    program(folder / "pbsnodes", f"cat {OPENPBS}/pbsnodes_av.txt")
    program(folder / "pbs_rstat", f"cat {OPENPBS}/pbs_rstat_f.txt")
    return folder
