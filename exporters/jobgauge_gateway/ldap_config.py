"""The settings of an LDAP directory as a source of people."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jobgauge.config import boolean, option
from jobgauge.errors import ConfigError


def _url(text: str) -> str:
    if not re.fullmatch(r"ldaps?://[^\s/]+", text):
        raise ValueError(f"{text!r} is not a URL such as ldaps://ldap.example.org")
    return text


def _group_pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    if text and groups != 1:
        raise ValueError(f"{text!r} needs one pair of parentheses, round the account")
    return text


@dataclass(frozen=True)
class LdapConfig:
    """Everything that may be said about the directory."""

    ldap_urls: tuple[str, ...] = option(
        "people.ldap.url",
        (),
        "directory to take people from, ldap://HOST or ldaps://HOST; more of them are asked where the first is down",
        _url,
        many=True,
        metavar="URL",
    )
    ldap_starttls: bool = option(
        "people.ldap.starttls", True, "begin TLS on ldap:// before anything is said", boolean
    )
    ldap_ca_file: str = option(
        "people.ldap.ca-file", "", "certificate authority of the directory", metavar="FILE"
    )
    ldap_bind_dn: str = option("people.ldap.bind-dn", "", "as whom to ask; nobody if not set", metavar="DN")
    ldap_password_file: str = option(
        "people.ldap.password-file", "", "file with the password of bind-dn", metavar="FILE"
    )
    ldap_base: str = option("people.ldap.base", "", "where the groups are", metavar="DN")
    ldap_filter: str = option(
        "people.ldap.filter", "(objectClass=posixGroup)", "which entries there are groups", metavar="FILTER"
    )
    ldap_group_attribute: str = option(
        "people.ldap.group-attribute", "cn", "attribute with a group's name", metavar="NAME"
    )
    ldap_member_attributes: tuple[str, ...] = option(
        "people.ldap.member-attribute",
        ("memberUid", "member", "uniqueMember"),
        "attribute with a group's members, as logins or as names of entries; may be repeated",
        many=True,
        metavar="NAME",
    )
    ldap_leader_attributes: tuple[str, ...] = option(
        "people.ldap.leader-attribute",
        ("owner",),
        "attribute with those who lead a group's account; may be repeated",
        many=True,
        metavar="NAME",
    )
    ldap_login_attribute: str = option(
        "people.ldap.login-attribute", "uid", "attribute with a person's login", metavar="NAME"
    )
    ldap_users_base: str = option(
        "people.ldap.users-base",
        "",
        "where people are, if their entries are not named by the login attribute",
        metavar="DN",
    )
    ldap_staff_groups: tuple[str, ...] = option(
        "people.ldap.staff-group", (), "group of staff; may be repeated", many=True, metavar="GROUP"
    )
    ldap_leader_groups: str = option(
        "people.ldap.leader-group",
        "",
        "pattern of groups whose members lead an account, pi-(.+): the account is in the parentheses",
        _group_pattern,
        metavar="PATTERN",
    )
    ldap_member_groups: str = option(
        "people.ldap.member-group",
        "(.+)",
        "pattern of groups whose members are in an account: the account is in the parentheses",
        _group_pattern,
        metavar="PATTERN",
    )

    def __post_init__(self) -> None:
        """Refuse settings that do not fit together."""
        if self.ldap_urls and not self.ldap_base:
            raise ConfigError("people.ldap.base is not set: it says where the directory has the groups")
        if self.ldap_bind_dn and not self.ldap_password_file:
            raise ConfigError("people.ldap.password-file is not set, and people.ldap.bind-dn is")
