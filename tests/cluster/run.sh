#!/usr/bin/env bash
# Tests sweeps on a real Slurm of two nodes, and run folders on a real NFS of two clients:
#   tests/cluster/run.sh [slurm | nfs] [QUANTDYN]
# Debian's packages are unpacked in a temporary folder; nothing is installed, no service of the system is used, and no
# process stays. What cannot be had here is left out with a line that says so.
set -euo pipefail
cd "$(dirname "$0")/../.."

parts="slurm nfs"
case "${1:-}" in
  slurm | nfs) parts=$1; shift ;;
  -*) sed -n '2,5p' "$0" >&2; exit 2 ;;
esac
program=$(realpath "${1:-build/quantdyn}")
folder=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill -TERM -- "-$child" 2>/dev/null; wait; rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM

# unpack PACKAGE...: those that this machine lacks, with what they need, in $folder/root.
unpack() {
  local missing
  missing=$(apt-get install --simulate --no-install-recommends "$@" | sed -n 's/^Inst \([^ ]*\).*/\1/p') || return
  [ -n "$missing" ] || return 0
  mkdir -p "$folder/packages"
  # shellcheck disable=SC2086
  (cd "$folder/packages" && apt-get download -q $missing) || return
  for package in "$folder"/packages/*.deb; do dpkg-deb --extract "$package" "$folder/root" || return; done
}

mkdir "$folder/root"
for part in $parts; do
  case $part in
    slurm) packages="slurm-wlm munge" ;;
    nfs) packages="user-mode-linux nfs-kernel-server iproute2 kmod" ;;
  esac
  # shellcheck disable=SC2086
  if ! unpack $packages >"$folder/log" 2>&1; then
    echo "SKIP: tests/cluster, $part: $packages cannot be had: $(tail -n 1 "$folder/log")"
    continue
  fi
  case $part in
    slurm) setsid python3 tests/cluster/slurm_test.py "$program" experiments/networks "$folder/root" & ;;
    nfs) setsid tests/cluster/nfs.sh "$folder/root" "$program" & ;;
  esac
  child=$!
  wait "$child"
  child=
done
