"""The gateway: a Prometheus query API on which everybody sees their own jobs, and staff everything."""
