#!/usr/bin/env bash
# Run folders on a real NFS: nfs.sh ROOT QUANTDYN, where ROOT is where Debian's packages were unpacked. run.sh calls it.
# User-mode Linux boots with this machine's files, read-only. It is the server, and two clients in network namespaces of
# their own: /mnt/1 and /mnt/2 are the same folder as two machines see it.
set -euo pipefail

if [ $# -eq 2 ]; then  # on this machine
  kernel=$1/usr/bin/linux.uml
  [ -x "$kernel" ] || kernel=$(command -v linux.uml)
  output=$(timeout --foreground 300 "$kernel" mem=1G rootfstype=hostfs rootflags=/ ro init="$(realpath "$0")" con=null con0=null,fd:1 quiet \
    "ROOT=$1" "QUANTDYN=$(realpath "$2")" </dev/null 2>&1) || true
  if ! grep -q '^nfs: passed' <<<"$output"; then
    printf '%s\n' "$output" >&2
    exit 1
  fi
  sed -n '/^nfs: /p' <<<"$output"
  exit 0
fi

# Inside, as the first process.
end() {
  sync
  echo o >/proc/sysrq-trigger
  sleep 10
}
trap end EXIT
PATH=$ROOT/usr/sbin:$ROOT/sbin:$ROOT/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin
LD_LIBRARY_PATH=$(echo "$ROOT"/usr/lib/*-linux-gnu "$ROOT"/lib/*-linux-gnu | tr ' ' :)
export PATH LD_LIBRARY_PATH
mount -t proc proc /proc
for folder in /run /mnt /var/lib; do mount -t tmpfs tmpfs "$folder"; done
mkdir -p /mnt/{modules/lib,exported,1,2} /var/lib/nfs/{v4recovery,rpc_pipefs}
touch /var/lib/nfs/etab
modules=$ROOT/usr/lib/uml/modules
[ -d "$modules" ] || modules=/usr/lib/uml/modules
ln -s "$modules" /mnt/modules/lib/modules
for module in nfsd nfsv4 veth bridge; do modprobe -d /mnt/modules "$module"; done

mount -t tmpfs tmpfs /mnt/exported
mount -t nfsd nfsd /proc/fs/nfsd
mount -t rpc_pipefs rpc_pipefs /var/lib/nfs/rpc_pipefs
echo 10 >/proc/fs/nfsd/nfsv4leasetime
exportfs -i -o rw,no_root_squash,fsid=0,insecure,no_subtree_check '*:/mnt/exported'
rpc.mountd --no-nfs-version 3 2>/dev/null
rpc.nfsd --no-nfs-version 3 4
echo Y >/proc/fs/nfsd/v4_end_grace  # no client was there before

ip link set lo up
ip link add name lan type bridge
ip addr add 10.0.0.254/24 dev lan
ip link set lan up
for client in 1 2; do
  ip netns add "$client"
  ip link add "port$client" type veth peer name eth0 netns "$client"
  ip link set "port$client" master lan
  ip link set "port$client" up
  ip -n "$client" addr add "10.0.0.$client/24" dev eth0
  ip -n "$client" link set eth0 up
  hostname "client$client"
  nsenter --net="/run/netns/$client" mount.nfs 10.0.0.254:/ "/mnt/$client" -o vers=4.2
done
echo "nfs: $(uname -r), NFS $(sed -n 's/.*nfs4 .*vers=\([0-9.]*\).*/\1/p' /proc/mounts | sort -u), two clients"

fail() {
  echo "failed: $*"
  tail -n 5 /mnt/*.log
  exit 1
}
# on CLIENT COMMAND...: the program as that client runs it; exec_on in the background, where $! is then its process.
exec_on() {
  cd "/mnt/$1/a study" && shift && exec "$QUANTDYN" "$@"
}
on() {
  (exec_on "$@")
}
checkpoints() {  # as the server has them
  cat "/mnt/exported/a study/out/checkpoints/SHA256SUMS" 2>/dev/null || true
}
wait_for_checkpoint() {
  local before
  before=$(checkpoints)
  for _ in $(seq 600); do
    if [ "$(checkpoints)" != "$before" ]; then return; fi
    sleep 0.1
  done
  fail "no checkpoint in 60 s"
}

mkdir "/mnt/1/a study"
cp -r "$(dirname "$0")/../../experiments/networks" "/mnt/1/a study/networks"
cat >"/mnt/1/a study/e.yaml" <<'YAML'
name: e
data: {source: {name: synthetic, train_images: 256, test_images: 64}}
network: {file: networks/dws.yaml, width: 0.125}
train: {epochs: 60, batch_size: 32, schedule: {name: cosine, learning_rate: 0.05}}
checkpoint: {epochs: 1}
track: {probe_images: 32, epochs: [1, 10]}
variants:
  - {name: int8, weights: {}, activations: {}, calibration: {images: 64}}
YAML
on 2 run e.yaml --output undisturbed >/mnt/undisturbed.log 2>&1 || fail "the undisturbed run"

exec_on 1 run e.yaml --output out >/mnt/first.log 2>&1 &
first=$!
wait_for_checkpoint
status=0
on 2 run e.yaml --output out >/mnt/refused.log 2>&1 || status=$?
if [ "$status" -ne 2 ] || ! grep -q 'another process is writing there' /mnt/refused.log; then
  fail "a second client could write into the folder: exit code $status"
fi
echo "nfs: a folder that one client writes is refused to the other"

kill -KILL "$first"
wait "$first" 2>/dev/null || true
exec_on 2 run e.yaml --output out >/mnt/second.log 2>&1 &
second=$!
wait_for_checkpoint
kill -TERM "$second" || fail "the second client ended too early"
status=0
wait "$second" || status=$?
[ "$status" -eq 143 ] || fail "stopped on the second client: exit code $status"
on 1 run e.yaml --output out >/mnt/third.log 2>&1 || fail "going on where the first client was killed"
for log in /mnt/second.log /mnt/third.log; do
  grep -q 'goes on from the checkpoint' "$log" || fail "$log: did not go on"
done
echo "nfs: killed on one client, it goes on at once on the other, and is handed back"

on 2 run e.yaml --output out >/mnt/again.log 2>&1 && fail "a finished result was not seen"
grep -q 'already holds a complete result' /mnt/again.log || fail "a finished result was not seen"
on 2 compare undisturbed/result.h5 out/result.h5 >/mnt/compare.log 2>&1 || fail "compare"
grep -q 'equal to the last bit' /mnt/compare.log || fail "the bits differ"
echo "nfs: the result has the bits of an undisturbed run"
echo "nfs: passed"
