"""The job exporter: what each job uses on this node."""
