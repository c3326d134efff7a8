"""The scheduler's commands, answered by the simulated cluster in the words of Slurm 24.11."""
