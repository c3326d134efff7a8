"""The command jobgauge-view."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

from jobgauge import log as logs
from jobgauge.config import Loader
from jobgauge.errors import ConfigError, JobgaugeError
from jobgauge_view.config import ViewConfig
from jobgauge_view.serving import PROGRAM, check, serve

_ABOUT = """\
Show the boards in a browser where there is no Grafana. Every query goes through the gateway, so everybody sees what is theirs.

  jobgauge-view --channel.secret-file channel --proxy.secret-file proxy     behind a reverse proxy that signs people in
  jobgauge-view --channel.secret-file channel --demo-users alice --demo-users bob     to try it on one's own machine

It says who looks in the header X-Grafana-User, with the channel's secret: the gateway that it asks needs
identity.method=grafana-user. Boards are read from --boards, as jobgauge-dashboards --out wrote them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command to its end; return its exit code: 0 fine, 1 failed at work, 2 wrong use."""
    words = sys.argv[1:] if argv is None else argv
    loader = Loader(ViewConfig, program=PROGRAM, about=_ABOUT, argv=words, environment=os.environ)
    try:
        config = loader.load()
        logs.set_up(config.log_level, config.log_format)
        if loader.action.check_config:
            check(config)
            print(f"{PROGRAM}: configuration is good")  # noqa: T201 - what --check-config is for
            return 0
        asyncio.run(serve(loader, config))
    except ConfigError as error:
        return _complain(error, 2)
    except (JobgaugeError, OSError) as error:
        return _complain(error, 1)
    return 0


def _complain(error: Exception, code: int) -> int:
    print(f"{PROGRAM}: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
    return code
