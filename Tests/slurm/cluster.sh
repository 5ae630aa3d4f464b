# A Slurm of one node on this machine, in a folder of its own. To be sourced: `cluster_start FOLDER CORES`, `cluster_stop`.
# It needs slurmctld, slurmd, munged and root, and touches nothing outside the folder.

cluster_daemons=()

# Names what is missing, if anything is.
cluster_lacks() {
  local program
  for program in slurmctld slurmd sbatch squeue scontrol munged; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || { echo "$program"; return 0; }
  done
  [ "$(id -u)" -eq 0 ] || echo "root, which slurmd takes"
}

cluster_start() {
  local folder=$1 cores=$2 host
  host=$(hostname -s)
  PATH=$PATH:/usr/sbin
  mkdir -p "$folder/state" "$folder/spool"
  dd if=/dev/urandom of="$folder/munge.key" bs=128 count=1 status=none
  chmod 400 "$folder/munge.key"
  cat >"$folder/slurm.conf" <<CONFIGURATION
ClusterName=segbench
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=2
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=1,sched_min_interval=100000
MinJobAge=300
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
  export SLURM_CONF=$folder/slurm.conf
  munged --foreground --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --seed-file="$folder/munged.seed" --log-file="$folder/munged.log" \
    >"$folder/munged.out" 2>&1 &
  cluster_daemons+=($!)
  while [ ! -S "$folder/munge.socket" ]; do sleep 0.05; done
  slurmctld -D >"$folder/slurmctld.out" 2>&1 &
  cluster_daemons+=($!)
  slurmd -D -N "$host" >"$folder/slurmd.out" 2>&1 &
  cluster_daemons+=($!)
  local tries
  for tries in $(seq 200); do
    [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ] && return 0
    sleep 0.1
  done
  tail -n 20 "$folder"/*.log "$folder"/*.out >&2
  echo "no node came up" >&2
  return 1
}

cluster_stop() {
  local jobs index
  if [ -n "${SLURM_CONF:-}" ]; then
    jobs=$(squeue --noheader --format=%A 2>/dev/null) || jobs=
    # shellcheck disable=SC2086
    [ -z "$jobs" ] || scancel --signal=KILL --full $jobs 2>/dev/null || true
    [ -z "$jobs" ] || scancel $jobs 2>/dev/null || true
  fi
  for ((index = ${#cluster_daemons[@]} - 1; index >= 0; index--)); do
    kill "${cluster_daemons[index]}" 2>/dev/null || true
    wait "${cluster_daemons[index]}" 2>/dev/null || true
  done
  cluster_daemons=()
}
