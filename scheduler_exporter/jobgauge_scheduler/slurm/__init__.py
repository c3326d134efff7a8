"""Slurm's texts: pure parsers, the same for every version from 22.05 on."""
