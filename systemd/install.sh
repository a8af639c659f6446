#!/usr/bin/env bash
# Installs Passerby as two systemd services; systemd/README.md explains what goes where.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

here=$(cd "$(dirname "$0")" && pwd)
opt=/opt/passerby etc=/etc/passerby units=/etc/systemd/system
services=(passerby-publisher.service passerby-sensor.service)
button=passerby-button.service
ready_s=${PASSERBY_READY_S:-60}
dry='' uninstall='' purge='' start=yes wheels='' models='' python=python3 extras=''
hardware=() changed='' building='' handed_over=''

usage() {
  cat <<'TEXT'
usage: install.sh [OPTION]...           install or upgrade; a second run changes nothing
       install.sh --uninstall [--purge] remove; keeps settings, credentials and outbox unless --purge

  --wheels FOLDER   install Passerby and all it needs from here; no network is used
  --models FOLDER   copy the networks' files from here; otherwise they are downloaded
  --with NAME       drop-in for hardware: coral, jetson, ncs2, rtsp, picamera; may be repeated; none: without any
  --extras NAMES    runtimes, separated by commas: openvino (default), tflite, onnxruntime
                    an upgrade without --with and --extras keeps those of the previous version
  --python PROGRAM  Python 3.10 to 3.13 (default python3)
  --no-start        install and enable, but do not start; a running version that changes is stopped
  --dry-run         print what would be done, do nothing
PASSERBY_READY_S  seconds that the services have to become ready (60)
Exit codes: 0 done; 1 the new version did not become ready and the previous one runs again; 2 wrong usage or setting;
3 something needed is missing.
TEXT
}

say() { echo "passerby: $*"; }
fail() { local code=$1; shift; echo "passerby: $*" >&2; exit "$code"; }
run() { if [ -n "$dry" ]; then echo "would run: $*"; else "$@"; fi; }

read_options() {
  while [ $# -gt 0 ]; do
    case $1 in
      --wheels | --models | --with | --extras | --python)
        [ $# -ge 2 ] || fail 2 "$1 needs a value"
        case $1 in
          --wheels) wheels=$2 ;; --models) models=$2 ;; --extras) extras=$2 ;; --python) python=$2 ;;
          --with) hardware+=("$2") ;;
        esac
        shift ;;
      --no-start) start='' ;;
      --dry-run) dry=yes ;;
      --uninstall) uninstall=yes ;;
      --purge) purge=yes ;;
      -h | --help) usage; exit 0 ;;
      *) usage >&2; fail 2 "unknown option $1" ;;
    esac
    shift
  done
  [ -z "$purge" ] || [ -n "$uninstall" ] || fail 2 "--purge needs --uninstall"
  local folder name
  for folder in "$wheels" "$models"; do [ -z "$folder" ] || [ -d "$folder" ] || fail 2 "$folder is not a folder"; done
  for name in ${hardware[@]+"${hardware[@]}"}; do
    [ "$name" = picamera ] || [ "$name" = none ] || [ -f "$here/drop-ins/$name.conf" ] || fail 2 "--with $name: no such drop-in"
  done
}

check_machine() {
  [ -n "$dry" ] || [ "$(id -u)" -eq 0 ] || fail 3 "must be run as root (sudo $0)"
  case $(uname -m) in x86_64 | aarch64) ;; *) fail 3 "$(uname -m) is not supported: 64-bit x86 or Arm is needed" ;; esac
  command -v systemctl >/dev/null || fail 3 "this system has no systemd"
  [ "$(systemd_version)" -ge 249 ] || fail 3 "systemd $(systemd_version) is too old: 249 or later is needed"
}

systemd_version() { systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p'; }
booted() { [ -d /run/systemd/system ]; }

install_packages() {
  local missing=()
  "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' 2>/dev/null ||
    fail 3 "$python is not Python 3.10 to 3.13; name one with --python"
  if [[ $("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))') =~ ^/(home|root)/ ]]; then
    fail 3 "$python is in a home folder, which the services cannot see; name another with --python"
  fi
  "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
  # grep -q would leave early: ldconfig is then killed, and pipefail makes that "missing".
  ldconfig -p | grep 'libseccomp\.so\.2' >/dev/null || missing+=(libseccomp2)
  if uses picamera && ! "$python" -c 'import picamera2' 2>/dev/null; then missing+=(python3-picamera2); fi
  if [ ${#missing[@]} -gt 0 ]; then
    [ -z "$wheels" ] || fail 3 "missing: ${missing[*]} (apt-get install ${missing[*]}); --wheels uses no network"
    run apt-get install --yes --no-install-recommends "${missing[@]}" || fail 3 "apt-get install ${missing[*]} failed"
  fi
}

# The choices for the previous version apply until others are given.
choose_again() {
  if [ ${#hardware[@]} -eq 0 ] && [ -s "$opt/current/hardware" ]; then mapfile -t hardware < "$opt/current/hardware"; fi
  if [ -z "$extras" ]; then extras=$(cat "$opt/current/extras" 2>/dev/null || echo openvino); fi
  if uses none; then hardware=(); fi
}

uses() { local name; for name in ${hardware[@]+"${hardware[@]}"}; do [ "$name" = "$1" ] && return 0; done; return 1; }

# Without a folder of wheels, build one from this checkout and the package registry, with the versions that CI runs.
need_wheels() {
  [ -z "$wheels" ] || return 0
  [ -f "$here/../pyproject.toml" ] || fail 3 "$here is not in a checkout: give --wheels"
  if [ -n "$dry" ]; then echo "would build the wheels of $(cd "$here/.." && pwd)[$extras]"; return 0; fi
  building=$(mktemp -d)
  "$python" -m venv "$building/pip"
  wheels=$building/wheels
  "$building/pip/bin/pip" wheel --quiet --wheel-dir "$wheels" --constraint "$here/../constraints.txt" \
    "$here/..[$extras]" || fail 3 "the wheels cannot be built; without a network give --wheels"
}

# A release is named after its version and a hash of its inputs and options: the same inputs give the same release.
release_name() {
  local own
  own=$(find "$wheels" -maxdepth 1 -name 'passerby-*.whl' | sort -V | tail -1)
  [ -n "$own" ] || fail 2 "$wheels holds no passerby-*.whl"
  version=$(basename "$own" | cut -d- -f2)
  local made_of
  made_of=$( (cd "$wheels" && sha256sum -- *.whl; cd "$here" && find . -type f -print0 | sort -z | xargs -0 sha256sum
    echo "$extras" "$("$python" --version)" "$(systemd_version)" ${hardware[@]+"${hardware[@]}"}) | sha256sum | cut -c1-8)
  release="$opt/releases/$version-$made_of"
}

build_release() {
  if [ -f "$release/complete" ]; then return 0; fi
  if [ -n "$dry" ]; then echo "would make $release from $wheels"; return 0; fi
  say "making $release"
  rm -rf "$release"
  mkdir -p "$release/systemd"
  incomplete=$release
  local flags=()
  if uses picamera || uses jetson; then flags=(--system-site-packages); fi
  "$python" -m venv ${flags[@]+"${flags[@]}"} "$release"
  "$release/bin/python" -I -m pip install --quiet --no-index --disable-pip-version-check -f "$wheels" \
    "passerby[$extras]==$version" || fail 3 "$wheels does not hold all that passerby[$extras]==$version needs"
  cp -R "$here/." "$release/systemd/"
  if [ ${#hardware[@]} -gt 0 ]; then printf '%s\n' "${hardware[@]}"; fi > "$release/hardware"
  echo "$extras" > "$release/extras"
  touch "$release/complete"
  incomplete=''
}

clean_up() {
  [ -z "${incomplete:-}" ] || rm -rf "$incomplete"
  [ -z "$building" ] || rm -rf "$building"
  if [ -n "$handed_over" ] && [ -n "$start" ]; then begin; fi  # interrupted: start again what was stopped
}

# put FROM TO MODE: copies if the contents differ, and records that something changed.
put() {
  if cmp -s "$1" "$2"; then return 0; fi
  changed=yes
  run install -D -m "$3" "$1" "$2"
}

drop() { if [ -e "$1" ]; then changed=yes; run rm -f "$1"; fi; }

# place_files FOLDER DROP-IN...: installs units, users, folders and rules of this release or of an earlier one.
place_files() {
  local from=$1 name unit
  shift
  put "$from/sysusers.d/passerby.conf" /etc/sysusers.d/passerby.conf 644
  put "$from/tmpfiles.d/passerby.conf" /etc/tmpfiles.d/passerby.conf 644
  put "$from/udev/60-passerby.rules" /etc/udev/rules.d/60-passerby.rules 644
  for unit in passerby.target "$button" "${services[@]}"; do
    if [ -e "$from/$unit" ]; then put "$from/$unit" "$units/$unit" 644; else drop "$units/$unit"; fi
  done
  for name in coral jetson ncs2 rtsp; do
    if printf '%s\n' "$@" | grep -qx "$name"; then
      put "$from/drop-ins/$name.conf" "$units/passerby-sensor.service.d/50-$name.conf" 644
    else
      drop "$units/passerby-sensor.service.d/50-$name.conf"
    fi
  done
  for unit in "${services[@]}"; do
    if [ "$(systemd_version)" -ge 254 ]; then
      put "$from/drop-ins/backoff.conf" "$units/$unit.d/10-backoff.conf" 644
    else
      drop "$units/$unit.d/10-backoff.conf"
    fi
  done
  put "$from/passerby" /usr/local/bin/passerby 755
}

make_users() { run systemd-sysusers "$here/sysusers.d/passerby.conf"; }

make_settings() {
  if [ -e "$etc/passerby.toml" ]; then return 0; fi
  run install -d -m 750 -g passerby "$etc"
  run install -m 640 -g passerby "$here/passerby.toml" "$etc/passerby.toml"
  say "$etc/passerby.toml is new: set the device's site, name and broker there"
}

check_settings_and_networks() {
  [ -z "$dry" ] || return 0
  local passerby=(env PASSERBY_MODELS="$opt/models" PASSERBY_STATE=/nonexistent PASSERBY_SHARED=/nonexistent
    "$release/bin/python" -IB -m edge.cli)
  "${passerby[@]}" config check "$etc/passerby.toml" >/dev/null || fail 2 "correct $etc/passerby.toml and run this again"
  local from=()
  [ -z "$models" ] || from=(--from "$(cd "$models" && pwd)")
  mkdir -p "$opt/models"  # stays empty if the package includes all of them
  "${passerby[@]}" models ensure --config "$etc/passerby.toml" ${from[@]+"${from[@]}"} ||
    fail 3 "some networks are missing; with --models FOLDER they are copied from files that you have"
  chmod -R u=rwX,go=rX "$opt/models"
}

point_to() {
  [ "$(readlink "$opt/current" 2>/dev/null)" != "$1" ] || return 0
  changed=yes
  run ln -sfn "$1" "$opt/current.new"
  run mv -T "$opt/current.new" "$opt/current"
}

# would_change DROP-IN...: whether a file or the release that runs would become another; does nothing.
would_change() {
  (dry=yes changed=''; place_files "$here" "$@"; point_to "$release"; [ -n "$changed" ]) >/dev/null
}

# Both halves are of one release whenever they run. The sensor stops first: its open visits go to the publisher of its own
# release, which keeps what the broker did not take for the next one. Only then may files or `current` change.
hand_over() {
  handed_over=yes
  systemctl stop passerby-sensor.service 2>/dev/null || true
  systemctl stop passerby-publisher.service 2>/dev/null || true
}

begin() {
  handed_over=''
  systemctl daemon-reload
  udevadm control --reload 2>/dev/null && udevadm trigger --subsystem-match=usb --subsystem-match=apex || true
  systemctl reset-failed "${services[@]}" 2>/dev/null || true
  systemctl start --no-block passerby.target "${services[@]}"
  systemctl try-restart --no-block "$button"
}

# Ready: both services have said so, and are still the same processes a moment later.
get_ready() {
  local until=$((SECONDS + ready_s)) before='' now
  while [ $SECONDS -lt $until ]; do
    sleep 1
    now=''
    if all_active; then now=$(main_pids); fi
    if [ -n "$now" ] && [ "$now" = "$before" ]; then return 0; fi
    before=$now
    any_failed && return 1  # systemd does not try again
  done
  return 1
}

all_active() { local unit; for unit in "${services[@]}"; do systemctl is-active --quiet "$unit" || return 1; done; }
any_failed() { local unit; for unit in "${services[@]}"; do systemctl is-failed --quiet "$unit" && return 0; done; return 1; }
main_pids() { systemctl show --property=MainPID --value "${services[@]}"; }

roll_back() {
  local previous=$1
  journalctl --quiet --no-pager --lines=12 --unit=passerby-publisher --unit=passerby-sensor >&2 2>/dev/null || true
  [ "$previous" != "$release" ] || fail 1 "$release is not ready after $ready_s s; see journalctl -u 'passerby-*'"
  hand_over
  if [ ! -f "$previous/complete" ]; then
    handed_over=''
    systemctl stop passerby.target
    fail 1 "$release is not ready after $ready_s s and there is no previous version: stopped; see journalctl -u 'passerby-*'"
  fi
  local words=()
  mapfile -t words < "$previous/hardware"
  place_files "$previous/systemd" ${words[@]+"${words[@]}"}
  point_to "$previous"
  begin
  rm -rf "$release"
  get_ready || fail 1 "neither $release nor $previous becomes ready; see journalctl -u 'passerby-*'"
  fail 1 "$release is not ready after $ready_s s: back to $previous, which runs"
}

forget_old() {
  local folder
  for folder in "$opt"/releases/*; do
    if [ "$folder" != "$release" ] && [ "$folder" != "$1" ]; then run rm -rf "$folder"; fi
  done
}

install_all() {
  choose_again
  install_packages
  need_wheels
  local previous=''
  if [ -n "$wheels" ]; then release_name; else release="$opt/releases/new"; fi
  previous=$(readlink "$opt/current" 2>/dev/null || true)
  build_release
  make_users
  make_settings
  check_settings_and_networks
  if [ -z "$dry" ] && booted && would_change ${hardware[@]+"${hardware[@]}"}; then hand_over; fi
  place_files "$here" ${hardware[@]+"${hardware[@]}"}
  point_to "$release"
  run systemd-tmpfiles --create /etc/tmpfiles.d/passerby.conf
  run systemctl enable --quiet passerby.target
  if [ -n "$dry" ]; then return 0; fi
  if ! booted; then say "installed; systemd is not running here, the services start at the next boot"; return 0; fi
  if [ -z "$start" ]; then systemctl daemon-reload; say "installed; start it with systemctl start passerby.target"; return 0; fi
  if [ -z "$changed" ] && all_active; then say "nothing to do: $release runs"; return 0; fi
  hand_over
  begin
  get_ready || roll_back "$previous"
  forget_old "$previous"
  say "$release runs"
}

uninstall_all() {
  if booted; then run systemctl disable --now --quiet passerby.target "$button" "${services[@]}" 2>/dev/null || true
  else run systemctl disable --quiet passerby.target "$button" 2>/dev/null || true; fi
  local unit
  for unit in passerby.target "$button" "${services[@]}"; do run rm -rf "$units/$unit" "$units/$unit.d"; done
  run rm -f /etc/sysusers.d/passerby.conf /etc/tmpfiles.d/passerby.conf /etc/udev/rules.d/60-passerby.rules
  run rm -rf "$opt" /run/passerby /usr/local/bin/passerby
  if booted; then run systemctl daemon-reload; fi
  if [ -z "$purge" ]; then say "removed; $etc and /var/lib/passerby are kept (--purge removes them)"; return 0; fi
  run rm -rf "$etc" /var/lib/passerby /var/lib/passerby-pause
  local name
  for name in passerby-sensor passerby-publisher passerby-button; do
    if getent passwd $name >/dev/null; then run userdel $name; fi
    if getent group $name >/dev/null; then run groupdel $name; fi
  done
  if getent group passerby >/dev/null; then run groupdel passerby; fi
  say "removed, including settings, credentials and outbox"
}

read_options "$@"
check_machine
trap clean_up EXIT
if [ -z "$dry" ]; then
  exec 9<"$units"
  flock --nonblock 9 || fail 3 "another install.sh is running"
fi
if [ -n "$uninstall" ]; then uninstall_all; else install_all; fi
