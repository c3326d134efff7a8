# Brings up the image's Slurm in a virtual machine of the tests: one node, jobs in cgroups v2. To be sourced by a script there.
#
# From the environment: SLURM_MORE, lines for slurm.conf; CGROUP_MORE, lines for cgroup.conf.
# Debian builds Slurm for several slurmds a node, so the jobs are below vmnode_slurmstepd.scope.
ip addr add 10.9.0.1/32 dev lo # Slurm finds no name that is on 127/8 only
printf '127.0.0.1 localhost\n10.9.0.1 vmnode\n' >/etc/hosts
mkdir -p /etc/slurm /etc/munge /var/log/munge /var/lib/munge /var/spool/slurmd /var/spool/slurmctld /run/munge
head -c 1024 /dev/urandom >/etc/munge/munge.key
chmod 400 /etc/munge/munge.key
chown -R munge: /etc/munge /var/log/munge /var/lib/munge /run/munge
setpriv --reuid=munge --regid=munge --clear-groups munged

cat >/etc/slurm/slurm.conf <<CONF
ClusterName=vm
SlurmctldHost=vmnode
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdLogFile=/var/log/slurmd.log
ReturnToService=2
MailProg=/bin/true
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
NodeName=vmnode CPUs=${SLURM_CPUS:-8} RealMemory=4000
PartitionName=batch Nodes=ALL Default=YES MaxTime=60
${SLURM_MORE:-}
CONF
cat >/etc/slurm/cgroup.conf <<CONF
CgroupPlugin=cgroup/v2
IgnoreSystemd=yes
ConstrainRAMSpace=yes
ConstrainCores=no
${CGROUP_MORE:-}
CONF
slurmctld
slurmd
for _ in $(seq 120); do
  ! sinfo -h -o %T | grep -q idle || break
  sleep 0.25
done
sinfo -h -o %T | grep -q idle || { cat /var/log/slurm*.log >&2; exit 1; }
