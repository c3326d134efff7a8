"""PBS's texts: pure parsers for OpenPBS, PBS Professional and Torque."""
