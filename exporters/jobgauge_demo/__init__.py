"""The whole suite on a simulated cluster, started with one command."""
