#!/usr/bin/env bash
# Runs a command in a root file system, in namespaces of its own and without a network; changes go to an overlay.
# usage: chroot.sh ROOT OVERLAY [HOST_FOLDER=FOLDER_INSIDE]... -- COMMAND...
set -euo pipefail
root=$1 overlay=$2
shift 2
mkdir -p "$overlay"/{upper,work,merged}
export root overlay
exec unshare --mount --net --ipc --pid --fork --kill-child=SIGKILL bash -euc '
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
mount -t sysfs -o ro sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs tmp
exec chroot . /usr/bin/env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 HOME=/tmp "$@"
' chroot "$@"
