"""Why jobs wait: the scheduler's words in plain ones, and what their owner can do.

`python -m jobgauge_scheduler.reasons` prints docs/reasons.md.
"""

from __future__ import annotations

from collections.abc import Iterable

_NOTHING = "Nothing: it starts when its turn comes."
_LIMITS = "Wait until your running jobs end, or ask for less."
_ASK = "Ask your support if it stays."

# Reasons that begin alike (limits exist once a resource) are listed under their beginning, the longest first.
REASONS: dict[str, tuple[str, str]] = {
    "Priority": ("Other jobs have a higher priority.", _NOTHING),
    "Resources": (
        "It is next in line, but the nodes that it needs are busy.",
        "Nothing; a job that asks for less time, fewer nodes or less memory finds a place sooner.",
    ),
    "DependencyNeverSatisfied": (
        "The job that it waits for failed or was cancelled, so it can never start.",
        "Cancel it, and submit it again once the other job has worked.",
    ),
    "Dependency": (
        "It waits for another job, as you asked.",
        "Nothing: it goes on when the other job has ended.",
    ),
    "BeginTime": (
        "You asked for a later start, or it was requeued a moment ago.",
        "Nothing: it waits for that time.",
    ),
    "JobHeldUser": ("You hold it back.", "Release it: scontrol release JOBID, or qrls JOBID."),
    "JobHeldAdmin": ("An administrator holds it back.", "Ask your support why."),
    "JobHoldMaxRequeue": ("It was requeued too often and is held.", "See why it fails, then release it."),
    "JobArrayTaskLimit": (
        "As many tasks of this array run as you allowed at a time.",
        "Nothing, or raise the number after % of --array.",
    ),
    "PartitionDown": ("The partition starts no jobs now.", "Wait, or submit to another partition."),
    "PartitionInactive": ("The partition takes no jobs.", "Submit to another partition."),
    "PartitionNodeLimit": (
        "It asks for more nodes than the partition gives.",
        "Ask for fewer, or change the partition.",
    ),
    "PartitionTimeLimit": (
        "It asks for more time than the partition gives.",
        "Ask for less, or change the partition.",
    ),
    "ReqNodeNotAvail": (
        "Nodes that it needs are down, drained or reserved, perhaps for a maintenance that begins before it could end.",
        "Ask for less time so that it ends before, or do not name nodes.",
    ),
    "NodeDown": ("A node that it needs is down.", _ASK),
    "Reservation": ("It waits for its reservation to begin.", _NOTHING),
    "ReservationDeleted": ("Its reservation is gone.", "Submit it without, or with another."),
    "Licenses": ("All licences that it needs are taken.", _NOTHING),
    "BadConstraints": ("No node can give what it asks for.", "Correct what it asks for: it can never start."),
    "InvalidAccount": ("Its account is not valid.", "Submit it with an account that you belong to."),
    "InvalidQOS": ("Its QOS is not valid.", "Submit it with a QOS that you may use."),
    "AccountNotAllowed": (
        "The partition does not take this account.",
        "Change the account or the partition.",
    ),
    "QOSNotAllowed": ("The partition does not take this QOS.", "Change the QOS or the partition."),
    "Cleaning": ("The end of its last run is still being tidied up.", _NOTHING),
    "Prolog": ("Its nodes are being made ready.", _NOTHING),
    "launch": (
        "It could not be launched and is held.",
        "Ask your support: the node or your home directory has a problem.",
    ),
    "JobLaunchFailure": ("It could not be launched.", _ASK),
    "NonZeroExitCode": ("It ended with an error and is being tidied up.", _NOTHING),
    "BurstBuffer": ("Its data is being moved.", _NOTHING),
    "FedJobLock": ("Another cluster of the federation is looking at it.", _NOTHING),
    "AssocMaxJobsLimit": ("You run as many jobs as you may.", _LIMITS),
    "AssocGrp": ("Your account has reached a limit that all its members share.", _LIMITS),
    "AssocMax": (
        "You have reached a limit of your own in this account, or the job is larger than one may be.",
        _LIMITS,
    ),
    "QOSGrp": ("All jobs of this QOS together have reached a limit.", _LIMITS),
    "QOSMax": ("You have reached a limit of this QOS, or the job is larger than one may be.", _LIMITS),
    "QOSMin": ("It asks for less than this QOS demands.", "Ask for more, or use another QOS."),
    "MaxGRESPerAccount": ("Your account holds as many GPUs as it may.", _LIMITS),
    # PBS: the beginnings of its scheduler's comments
    "Insufficient amount of": ("What it needs is taken by other jobs.", _NOTHING),
    "Not enough": ("Not enough nodes are free.", _NOTHING),
    "No available resources on nodes": ("What it needs is taken by other jobs.", _NOTHING),
    "Node is in an ineligible state": ("The nodes that it needs are down or offline.", _ASK),
    "User has reached": ("You have reached a limit.", _LIMITS),
    "Group has reached": ("Your group has reached a limit.", _LIMITS),
    "Project has reached": ("Your project has reached a limit.", _LIMITS),
    "would exceed": ("It would go beyond a limit.", _LIMITS),
    "Queue not started": ("The queue starts no jobs now.", "Wait, or use another queue."),
    "Can Never Run": ("It asks for more than there is.", "Correct what it asks for: it can never start."),
    "Job would conflict": (
        "It would get in the way of a reservation or of a job that is next.",
        "Ask for less time.",
    ),
    "Job would interfere": (
        "It would get in the way of a reservation or of a job that is next.",
        "Ask for less time.",
    ),
    "Job would break strict sorted order": (
        "Jobs start in strict order, and others are before it.",
        _NOTHING,
    ),
    "Number of concurrent running subjobs": (
        "As many tasks of this array run as you allowed at a time.",
        _NOTHING,
    ),
}
_BEGINNINGS = sorted(REASONS, key=len, reverse=True)


def explain(reason: str) -> tuple[str, str] | None:
    """Return meaning and advice; None for a reason that is not in the table."""
    found = next((word for word in _BEGINNINGS if reason.startswith(word)), None)
    return None if found is None else REASONS[found]


def _lines() -> Iterable[str]:
    yield "<!-- Written by `make generate` from scheduler_exporter/jobgauge_scheduler/reasons.py; do not edit. -->"
    yield "# Why a job waits"
    yield ""
    yield "What the scheduler's reasons mean, and what a job's owner can do. Boards show the same words. A reason that is not here"
    yield "word for word has the meaning of the longest one here that it begins with."
    yield ""
    yield "| reason | what it means | what you can do |"
    yield "|---|---|---|"
    yield from (f"| `{reason}` | {meaning} | {advice} |" for reason, (meaning, advice) in REASONS.items())


if __name__ == "__main__":
    print("\n".join(_lines()))  # noqa: T201 - what this module is for
