"""Who uses the simulated cluster: users, their accounts, who leads these, and the staff."""

from __future__ import annotations

from dataclasses import dataclass

ACCOUNTS = ("physics", "biology", "chemistry", "engineering")
LEADERS = {"physics": "pia", "biology": "paul"}  # account: its principal investigator
STAFF = ("sam",)

_FIRST_UID = 20_001
_STAFF_UID = 20_901
_NAMED = (
    ("alice", "physics"),
    ("bob", "physics", "chemistry"),
    ("carol", "biology"),
    ("dave", "biology"),
    ("erin", "chemistry"),
    ("frank", "chemistry"),
    ("grace", "physics"),
    ("heidi", "biology"),
    ("ivan", "engineering"),
    ("judy", "engineering"),
    ("pia", "physics"),
    ("paul", "biology"),
)
MINIMUM_USERS = len(_NAMED)


@dataclass(frozen=True, slots=True)
class User:
    """A person with a login; `accounts` begins with the default one."""

    name: str
    uid: int
    accounts: tuple[str, ...]


def people(count: int) -> tuple[User, ...]:
    """Return `count` users of the cluster: the named ones, whose habits are known, then further ones; and the staff."""
    if count < MINIMUM_USERS:
        raise ValueError(f"{count} users are too few: the simulated habits need at least {MINIMUM_USERS}")
    named = [User(name, _FIRST_UID + i, tuple(accounts)) for i, (name, *accounts) in enumerate(_NAMED)]
    more = [
        User(f"user{i + 1}", _FIRST_UID + i, (ACCOUNTS[i % len(ACCOUNTS)],)) for i in range(len(named), count)
    ]
    staff = [User(name, _STAFF_UID + i, ("root",)) for i, name in enumerate(STAFF)]
    return (*named, *more, *staff)
