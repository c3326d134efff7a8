#!/bin/bash
# The script of a virtual machine with a real Slurm and the project; $PROGRAM is what it runs.
chmod -R a+rX,u+w /payload
chmod 755 /payload/*.sh
export SLURM_MORE="Prolog=/payload/prolog.sh
Epilog=/payload/epilog.sh"
. ./slurm.sh
python3 -B "vm_node/$PROGRAM"
status=$?
[ $status = 0 ] || cat /tmp/jobs/*.out /var/log/slurm*.log >&2
exit $status
