"""The settings of the gateway. Without any it starts, and lets nobody in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from jobgauge import log as logs
from jobgauge.config import boolean, duration, one_of, option, positive
from jobgauge.errors import ConfigError
from jobgauge_gateway.ldap_config import LdapConfig
from jobgauge_gateway.promql.limits import Limits

CHANNEL_HEADER = "X-Jobgauge-Channel"
METHODS = ("grafana-id", "grafana-user", "token", "certificate", "unix")
KINDS = ("prometheus", "victoriametrics")
OWN_LOGIN = "password"  # the way of login of accounts that Grafana itself keeps

_PAIR = re.compile(r"[^=\s]+=[^=\s]+")
_SERIES_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_HEADER = re.compile(r"[A-Za-z0-9-]+: ?[ -~]+")


def _matching(pattern: re.Pattern[str], wanted: str) -> type[str]:
    def parse(text: str) -> str:
        if pattern.fullmatch(text):
            return text
        raise ValueError(f"{text!r} is not {wanted}")

    return parse  # type: ignore[return-value]  # used as a parser only


_pair = _matching(_PAIR, "a pair such as pia=physics")
_series_name = _matching(_SERIES_NAME, "a series' exact name")
_header = _matching(_HEADER, "a header such as `X-Scope-OrgID: hpc`")


def _url(text: str) -> str:
    parts = urlsplit(text)
    plain = text.isascii() and text.isprintable() and not (parts.query or parts.fragment or " " in text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or not plain:
        raise ValueError(f"{text!r} is not a URL such as http://127.0.0.1:9090")
    if parts.username is not None:
        raise ValueError(
            "a name or password does not belong into a URL: upstream.authorization-file is for it"
        )
    return text.rstrip("/")


def _pairs(name: str, text: str) -> tuple[str, ...]:
    return option(name, (), text, _pair, many=True, metavar="LOGIN=ACCOUNT")  # type: ignore[no-any-return]


@dataclass(frozen=True)
class GatewayConfig(LdapConfig):
    """Everything that may be said about a gateway."""

    listen_address: tuple[str, ...] = option(
        "web.listen-address",
        ("127.0.0.1:9796",),
        "address of the query API, or unix:PATH; may be repeated",
        many=True,
        metavar="ADDRESS",
    )
    telemetry_address: tuple[str, ...] = option(
        "web.telemetry-address",
        ("127.0.0.1:9797",),
        "address of the gateway's own /metrics; may be repeated",
        many=True,
        metavar="ADDRESS",
    )
    web_config_file: str = option(
        "web.config.file",
        "",
        "YAML file with TLS for the query API and the metrics, in exporter-toolkit's form; its passwords are for the metrics",
        metavar="FILE",
    )
    workers: int = option(
        "workers",
        1,
        "processes that serve the query API; limits hold for all together",
        positive,
        metavar="N",
    )
    log_level: str = option(
        "log.level", "info", "debug, info, warn or error", one_of(*logs.LEVELS), metavar="LEVEL"
    )
    log_format: str = option(
        "log.format", "logfmt", "logfmt or json", one_of(*logs.FORMATS), metavar="FORMAT"
    )
    audit_file: str = option(
        "audit.file", "", "file for one JSON line a query; standard error where it is not set", metavar="FILE"
    )

    upstream_url: str = option(
        "upstream.url", "http://127.0.0.1:9090", "the store, with its path prefix if any", _url, metavar="URL"
    )
    upstream_kind: str = option(
        "upstream.kind",
        "prometheus",
        "prometheus (Thanos and Mimir too) or victoriametrics",
        one_of(*KINDS),
        metavar="KIND",
    )
    upstream_headers: tuple[str, ...] = option(
        "upstream.header",
        (),
        "header for every request to the store, such as `X-Scope-OrgID: hpc`",
        _header,
        many=True,
        metavar="HEADER",
    )
    upstream_authorization_file: str = option(
        "upstream.authorization-file",
        "",
        "file with the Authorization header for the store, such as `Bearer TOKEN`",
        metavar="FILE",
    )
    upstream_ca_file: str = option(
        "upstream.ca-file", "", "certificate authority of an https store", metavar="FILE"
    )
    upstream_timeout: float = option(
        "upstream.timeout", 120.0, "a query may take this long", duration, metavar="TIME"
    )

    methods: tuple[str, ...] = option(
        "identity.method",
        (),
        f"how callers prove who they are: {', '.join(METHODS)}; nobody is let in without one",
        one_of(*METHODS),
        many=True,
        metavar="METHOD",
    )
    channel_secret_file: str = option(
        "channel.secret-file",
        "",
        f"file with the secret that Grafana sends in {CHANNEL_HEADER}; a second line is accepted as well",
        metavar="FILE",
    )
    known_users: str = option(
        "identity.known-users",
        "system",
        "a login must be known to the system's user database, to the people settings, or to none (any)",
        one_of("system", "people", "any"),
        metavar="WHERE",
    )
    logins_file: str = option(
        "identity.logins-file",
        "",
        "YAML file `Grafana login: cluster login`; nobody else of Grafana is let in then",
        metavar="FILE",
    )
    tokens_file: str = option(
        "identity.tokens-file",
        "",
        "YAML file `login: [SHA-256 of a token, …]` for machine clients",
        metavar="FILE",
    )
    certificates_file: str = option(
        "identity.certificates-file",
        "",
        "YAML file `DNS:NAME: login` (also URI:, email:, CN:) for clients with a certificate of web.config.file's authority",
        metavar="FILE",
    )
    grafana_url: str = option(
        "grafana.url",
        "http://127.0.0.1:3000",
        "root_url of Grafana, as in its grafana.ini",
        _url,
        metavar="URL",
    )
    grafana_keys_url: str = option(
        "grafana.keys-url",
        "",
        "where Grafana publishes its signing keys, if not at grafana.url + /api/signing-keys/keys",
        metavar="URL",
    )
    grafana_audience: tuple[str, ...] = option(
        "grafana.audience", ("org:1",), "Grafana's organisations that may ask", many=True, metavar="org:N"
    )
    grafana_login_ways: tuple[str, ...] = option(
        "grafana.login-way",
        ("ldap", "auth.saml", "jwt", "authproxy", "oauth_generic_oauth"),
        f"ways of login to Grafana that make a login the cluster's ({OWN_LOGIN}: Grafana's own accounts)",
        many=True,
        metavar="WAY",
    )

    staff: tuple[str, ...] = option(
        "people.staff", (), "login that sees everything; may be repeated", many=True, metavar="LOGIN"
    )
    leaders: tuple[str, ...] = _pairs(
        "people.leader", "who leads which account, pia=physics; may be repeated"
    )
    members: tuple[str, ...] = _pairs("people.member", "who is in which account; may be repeated")
    people_file: str = option(
        "people.file", "", "YAML file with `staff`, `leaders` and `members`", metavar="FILE"
    )
    staff_groups: tuple[str, ...] = option(
        "people.staff-group", (), "POSIX group of staff; may be repeated", many=True, metavar="GROUP"
    )
    leader_groups: tuple[str, ...] = option(
        "people.leader-group",
        (),
        "POSIX group whose members lead an account, pis-physics=physics; may be repeated",
        _pair,
        many=True,
        metavar="GROUP=ACCOUNT",
    )
    member_groups: tuple[str, ...] = option(
        "people.member-group",
        (),
        "POSIX group whose members are in an account; may be repeated",
        _pair,
        many=True,
        metavar="GROUP=ACCOUNT",
    )
    slurm: bool = option(
        "people.slurm", False, "take members and coordinators of accounts from Slurm (sacctmgr)", boolean
    )
    sacctmgr: str = option("people.sacctmgr", "sacctmgr", "the program", metavar="PROGRAM")
    people_refresh: float = option(
        "people.refresh", 300.0, "time between two looks at the sources of people", duration, metavar="TIME"
    )
    people_keep: float = option(
        "people.keep",
        3600.0,
        "a source that fails is believed for this long; then what it grants is taken away",
        duration,
        metavar="TIME",
    )

    default_metrics: bool = option(
        "metrics.defaults",
        True,
        "publish what the suite's catalogue and rules mark as public or account",
        boolean,
    )
    public: tuple[str, ...] = option(
        "metrics.public", (), "series name that everybody may see", _series_name, many=True, metavar="NAME"
    )
    account: tuple[str, ...] = option(
        "metrics.account",
        (),
        "series name that the members of the account in its label may see",
        _series_name,
        many=True,
        metavar="NAME",
    )
    private: tuple[str, ...] = option(
        "metrics.private",
        (),
        "series name that is not to be published, whatever the defaults say",
        _series_name,
        many=True,
        metavar="NAME",
    )

    limit_bytes: int = option("limits.bytes", 65_536, "bytes of a query", positive, metavar="N")
    limit_selectors: int = option("limits.selectors", 200, "selectors in a query", positive, metavar="N")
    limit_depth: int = option("limits.depth", 64, "levels of parentheses in a query", positive, metavar="N")
    limit_points: int = option("limits.points", 11_000, "points of each series", positive, metavar="N")
    limit_range: float = option(
        "limits.range", 400 * 86_400.0, "time that a query may span", duration, metavar="TIME"
    )
    limit_concurrent: int = option(
        "limits.concurrent", 20, "queries at the store at the same time", positive, metavar="N"
    )
    limit_per_user: int = option(
        "limits.per-user", 8, "of these, queries of one caller", positive, metavar="N"
    )
    limit_waiting: int = option(
        "limits.waiting", 50, "queries of one caller that may wait for a place", positive, metavar="N"
    )
    limit_wait: float = option(
        "limits.wait", 20.0, "a query may wait this long for a place", duration, metavar="TIME"
    )
    limit_stall: float = option(
        "limits.stall",
        20.0,
        "a client that neither sends nor takes anything is left",
        duration,
        metavar="TIME",
    )
    limit_connections: int = option(
        "limits.connections", 2000, "connections of clients at the same time", positive, metavar="N"
    )

    def __post_init__(self) -> None:
        """Refuse settings that do not fit together."""
        super().__post_init__()
        if {"grafana-id", "grafana-user"} <= set(self.methods):
            raise ConfigError(
                "identity.method: choose one of grafana-id and grafana-user: the weaker would win"
            )
        if self.trusts_grafana and not self.channel_secret_file:
            raise ConfigError(
                "channel.secret-file is not set: a header of Grafana means nothing where anybody can send it"
            )
        if "token" in self.methods and not self.tokens_file:
            raise ConfigError("identity.tokens-file is not set, and identity.method has token")
        if "certificate" in self.methods and not self.certificates_file:
            raise ConfigError("identity.certificates-file is not set, and identity.method has certificate")
        if "unix" in self.methods and not any(a.startswith("unix:") for a in self.listen_address):
            raise ConfigError("identity.method has unix, and no web.listen-address is unix:PATH")
        if self.limit_per_user > self.limit_concurrent:
            raise ConfigError("limits.per-user is above limits.concurrent: one caller could take all places")
        if self.people_keep < self.people_refresh:
            raise ConfigError(
                "people.keep is below people.refresh: every source would expire between two looks"
            )

    @property
    def trusts_grafana(self) -> bool:
        """Whether callers may come through Grafana."""
        return bool({"grafana-id", "grafana-user"} & set(self.methods))

    @property
    def issuer(self) -> str:
        """What Grafana writes into its tokens as their issuer: its root_url, which always ends in a slash there."""
        return self.grafana_url + "/"

    @property
    def keys_url(self) -> str:
        """Where Grafana publishes its signing keys."""
        return self.grafana_keys_url or f"{self.grafana_url}/api/signing-keys/keys"

    @property
    def query_limits(self) -> Limits:
        """How large a query may be."""
        return Limits(bytes=self.limit_bytes, selectors=self.limit_selectors, depth=self.limit_depth)
