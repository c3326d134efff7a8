"""jobgauge-rules: the rule files with the site's thresholds, what they would have told in the past, and mail about them."""

from jobgauge.rules.command import main

__all__ = ["main"]
