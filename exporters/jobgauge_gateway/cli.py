"""The command jobgauge-gateway."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from jobgauge import log as logs
from jobgauge.config import Loader
from jobgauge.errors import ConfigError, JobgaugeError
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.selfcheck import SelfcheckConfig, findings
from jobgauge_gateway.serving import ABOUT, PROGRAM, check, serve
from jobgauge_gateway.workers import Supervisor

_ABOUT = f"{ABOUT}\n`{PROGRAM} selfcheck` tries the doors beside it."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command to its end; return its exit code: 0 fine, 1 failed at work, 2 wrong use."""
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        return _selfcheck(words[1:]) if words[:1] == ["selfcheck"] else _gateway(words)
    except ConfigError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        return 2
    except JobgaugeError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        return 1


def _gateway(argv: Sequence[str]) -> int:
    loader = Loader(GatewayConfig, program=PROGRAM, about=_ABOUT, argv=argv, environment=os.environ)
    config = loader.load()
    logs.set_up(config.log_level, config.log_format)
    if loader.action.check_config:
        check(config)
        note = "" if config.methods else "; nobody is let in until identity.method says how"
        print(f"{PROGRAM}: configuration is good{note}")  # noqa: T201 - what --check-config is for
    elif config.workers > 1:
        Supervisor(loader, config).run()
    else:
        serve(loader, config)
    return 0


def _selfcheck(argv: Sequence[str]) -> int:
    """Try the doors beside the gateway; 1 where one is open."""
    loader = Loader(
        SelfcheckConfig,
        program=f"{PROGRAM} selfcheck",
        about="Tries the doors beside the gateway from this machine, and says how to close those that are open.",
        argv=argv,
        environment=os.environ,
    )
    config = loader.load()
    if loader.action.check_config:
        print(f"{PROGRAM}: configuration is good")  # noqa: T201 - what --check-config is for
        return 0
    found = findings(config)
    for finding in found:
        print(finding)  # noqa: T201 - what the command is for
    return int(any(finding.is_open for finding in found))
