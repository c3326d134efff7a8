"""The scheduler exporter: the queue, nodes, limits, waits and the scheduler's health, at one read an interval."""
