"""The command jobgauge-gateway."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from jobgauge import log as logs
from jobgauge.config import Loader
from jobgauge.errors import ConfigError, JobgaugeError
from jobgauge_gateway.config import GatewayConfig
from jobgauge_gateway.serving import ABOUT, PROGRAM, check, serve


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command to its end; return its exit code: 0 fine, 1 failed at work, 2 wrong use."""
    loader = Loader(
        GatewayConfig,
        program=PROGRAM,
        about=ABOUT,
        argv=sys.argv[1:] if argv is None else argv,
        environment=os.environ,
    )
    try:
        config = loader.load()
        logs.set_up(config.log_level, config.log_format)
        if loader.action.check_config:
            check(config)
            note = "" if config.methods else "; nobody is let in until identity.method says how"
            print(f"{PROGRAM}: configuration is good{note}")  # noqa: T201 - what --check-config is for
        else:
            serve(loader, config)
    except ConfigError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        return 2
    except JobgaugeError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        return 1
    return 0
