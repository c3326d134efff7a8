"""The viewer: the boards in a browser where there is no Grafana."""
