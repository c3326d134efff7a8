#!/bin/bash
# The first process of a virtual machine of the tests: makes a Linux of what vm_image.sh unpacked, runs /payload/script, ends it.
# The script's output goes to the second serial port, everything else to the first; both are files of the host.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts /run/lock
mount -t devpts pts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
ip link set lo up
hostname vmnode

# What the packages' own scripts would have done.
cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
for user in slurm:64030 munge:64031 alice:5001 bob:5002; do
  echo "${user%:*}:x:${user#*:}:${user#*:}::/tmp:/bin/sh" >>/etc/passwd
  echo "${user%:*}:x:${user#*:}:" >>/etc/group
done
for program in /usr/sbin/slurm*-wlm; do
  [ ! -e "$program" ] || ln -s "$program" "${program%-wlm}"
done
ln -s bash /usr/bin/sh

stty -F /dev/ttyS1 raw
cd /payload || exit
./script >/dev/ttyS1
echo "exit status $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
