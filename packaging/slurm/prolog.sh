#!/bin/sh
# Slurm prolog: writes down what Slurm knows about the job, for the job exporter. Whatever happens it ends well, since a prolog
# that fails drains the node; a job without such a file only has no account on its series.
jobs=/run/jobgauge/jobs
file=$jobs/$SLURM_JOB_ID
umask 022
mkdir -p "$jobs" &&
  printf 'account=%s\npartition=%s\nuid=%s\ngpus=%s\n' \
    "$SLURM_JOB_ACCOUNT" "$SLURM_JOB_PARTITION" "$SLURM_JOB_UID" "$SLURM_JOB_GPUS" >"$file.new" &&
  mv -f "$file.new" "$file"
exit 0
