"""Families of the scheduler exporter, by subject."""
