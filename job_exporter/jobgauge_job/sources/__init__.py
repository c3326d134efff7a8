"""What is read from the node: parsers that know only bytes, and the few readers of /proc and of the facts files."""
