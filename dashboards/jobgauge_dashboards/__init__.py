"""Grafana boards as code: one file a board in `boards/`, house defaults in `style.py`, one command that writes them."""
