"""Families of the scheduler exporter: limits and fairshare."""

from jobgauge.family import Audience, Family, Kind

_LIMIT = ("level", "resource", "account", "user", "qos")
LIMIT = Family(
    "hpc_sched_limit",
    Kind.GAUGE,
    "The most of a resource that an account, a user or a QOS may hold.",
    _LIMIT,
    audience=Audience.ACCOUNT,
)
LIMIT_USAGE = Family(
    "hpc_sched_limit_usage",
    Kind.GAUGE,
    "What is used of the limit with the same labels.",
    _LIMIT,
    audience=Audience.ACCOUNT,
)
FAIRSHARE = Family(
    "hpc_sched_fairshare_ratio",
    Kind.GAUGE,
    "The fairshare factor of priority: 1 is most deserving.",
    ("account", "user"),
    audience=Audience.ACCOUNT,
)
LEVEL_FAIRSHARE = Family(
    "hpc_sched_level_fairshare",
    Kind.GAUGE,
    "Share over use among the siblings of the account or user: below 1 it used more than its share.",
    ("account", "user"),
    audience=Audience.ACCOUNT,
)
SHARES = Family(
    "hpc_sched_shares_ratio",
    Kind.GAUGE,
    "The part of its level that the account or user is entitled to.",
    ("account", "user"),
    audience=Audience.ACCOUNT,
)
USAGE = Family(
    "hpc_sched_usage_ratio",
    Kind.GAUGE,
    "The part of its level that the account or user has used of late, older use fading.",
    ("account", "user"),
    audience=Audience.ACCOUNT,
)
