"""Recorded answers of real Slurm versions, and programs that give them as squeue and its siblings would."""

from __future__ import annotations

from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "fixtures" / "slurm"
VERSIONS = sorted(folder.name for folder in FIXTURES.iterdir())
MARK = "\x1e0123abcd"  # the record mark in the recorded squeue.txt


def program(path: Path, script: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
    return path


def clients(folder: Path, version: str) -> Path:
    """Make a directory of clients that answer with what a real Slurm of this version said."""
    recorded = FIXTURES / version
    # the real squeue prints whatever mark the format asks for
    mark = "${format##*$(printf '\\036')}"
    program(folder / "squeue", f'format="${{!#}}"; exec sed "s/{MARK[1:]}/{mark}/" {recorded}/squeue.txt')
    program(folder / "scontrol", f'exec cat {recorded}/scontrol_"${{!#}}".txt')
    for name in ("sdiag", "sshare", "sacct"):
        program(folder / name, f"exec cat {recorded}/{name}.txt")
    return folder


def json_clients(folder: Path, version: str) -> Path:
    """Make a directory of clients that answer to --json as a real Slurm of this version did, and refuse to tell the queue as text."""
    clients(folder, version)
    recorded = FIXTURES / version
    new = not version.startswith("22.")
    old_error = "echo 'unrecognized option' >&2; exit 1"
    program(
        folder / "squeue",
        f'case "$*" in --version) echo slurm-wlm {version};; "-a --json") cat {recorded}/rest_jobs.json;; *) exit 3;; esac',
    )
    program(folder / "sinfo", f'[ "$*" = "-a --json" ] && exec cat {recorded}/rest_nodes.json')
    as_json = f'exec cat {recorded}/rest_"$3".json' if new else old_error
    program(
        folder / "scontrol",
        f'case "$*" in *--json) set -- $(echo "$*" | sed "s/-a //"); set -- x "$1" "$2"; {as_json};; '
        f'*) exec cat {recorded}/scontrol_"${{!#}}".txt;; esac',
    )
    for name, file in (("sdiag", "rest_diag.json"), ("sshare", "rest_shares.json")):
        as_json = f"exec cat {recorded}/{file}" if new else old_error
        program(folder / name, f'case "$*" in *--json*) {as_json};; *) exec cat {recorded}/{name}.txt;; esac')
    # with this in its environment, the real one does not understand the times it is given
    program(
        folder / "sacct",
        f'[ -z "$SLURM_TIME_FORMAT" ] && [[ "$*" = *--json* ]] && exec cat {recorded}/sacct.json',
    )
    return folder


def jobs_told(version: str) -> dict[str, dict[str, str]]:
    """Return what `scontrol show job` told of the jobs that wait, run or are suspended, by job and field."""
    text = (FIXTURES / version / "oracle_scontrol_job.txt").read_text(errors="surrogateescape")
    jobs = {}
    for record in ("\n" + text).split("\nJobId=")[1:]:
        # the name may hold anything, the fields after it are the ones of interest
        job, _, rest = record.partition(" ")
        after = rest[rest.rindex(" UserId=") :] if " UserId=" in rest else rest
        fields = dict(reversed([token.split("=", 1) for token in after.split() if "=" in token]))
        fields["JobId"] = job
        if fields["JobState"] in ("PENDING", "RUNNING", "SUSPENDED"):
            jobs[job] = fields
    return jobs
