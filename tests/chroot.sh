#!/usr/bin/env bash
# Runs a command in a root file system, another machine's too (qemu-user), in namespaces of its own; changes go to an overlay.
# usage: chroot.sh ROOT OVERLAY [HOST_FOLDER=FOLDER_INSIDE]... -- COMMAND...
set -euo pipefail
root=$1 overlay=$2
shift 2
mkdir -p "$overlay"/{upper,work,merged}
export root overlay
exec unshare --mount --net --ipc --fork --kill-child=SIGKILL bash -euc '
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$root,upperdir=$overlay/upper,workdir=$overlay/work" "$overlay/merged"
cd "$overlay/merged"
while [ "$1" != -- ]; do
  mkdir -p ".${1#*=}"
  mount --bind "${1%%=*}" ".${1#*=}"
  shift
done
shift
mount -t proc proc proc
mount -t sysfs -o ro sys sys  # OpenVINO ends with a segmentation fault without it
mount --rbind /dev dev
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
ip link set lo up
exec chroot . /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/tmp QEMU_CPU=cortex-a72 "$@"
' chroot "$@"
