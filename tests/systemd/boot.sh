#!/usr/bin/env bash
# Boots the systemd of a Debian root file system as process 1 of new namespaces: no virtual machine, nothing of the host
# but its kernel. Changes go to an overlay. usage: boot.sh ROOT OVERLAY CGROUP [HOST_FOLDER=FOLDER_INSIDE]...
set -euo pipefail
root=$1 overlay=$2 cgroup=$3
shift 3
mkdir -p "$cgroup" "$overlay"/{upper,work,merged}
echo $$ > "$cgroup/cgroup.procs"
export root overlay
exec unshare --mount --net --pid --fork --uts --ipc --cgroup --kill-child=SIGKILL bash -euc '
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$root,upperdir=$overlay/upper,workdir=$overlay/work" "$overlay/merged"
cd "$overlay/merged"
for pair in "$@"; do
  mkdir -p ".${pair#*=}"
  mount --bind "${pair%%=*}" ".${pair#*=}"
  mount -o remount,bind,ro ".${pair#*=}"
done
mount -t proc proc proc
mount -t sysfs -o ro sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
  read -r name major minor <<<"$node"
  mknod -m 666 "dev/$name" c "$major" "$minor"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
ip link set lo up
mkdir -p .old
pivot_root . .old
umount -l /.old
mount --make-rshared /  # as systemd does itself where it is not in a container; credentials need it
hostname passerby-test
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init systemd.log_target=journal </dev/null
' boot "$@"
