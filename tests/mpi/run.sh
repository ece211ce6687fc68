#!/usr/bin/env bash
# Trains on 1 to 8 ranks, with 1 and 2 threads each, and compares the results bit for bit: tests/mpi/run.sh
# Builds the program with -Dmpi=enabled in build-mpi. Exit code 1 if a result differs. Debian packages: those of
# experiments/install_packages.sh --mpi.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v mpirun > /dev/null || { echo "no mpirun; run experiments/install_packages.sh --mpi" >&2; exit 2; }
if [ ! -f build-mpi/build.ninja ]; then meson setup build-mpi --buildtype=release -Dtests=disabled -Dmpi=enabled; fi
ninja -C build-mpi quantdyn

results=build-mpi/ranks
rm -rf $results
mkdir -p $results
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_WAIT_POLICY=passive
status=0

# run NAME RANKS THREADS OPTION...: result.h5 in $results/NAME
run() {
  local name=$1 ranks=$2 threads=$3
  shift 3
  mpirun -np "$ranks" --oversubscribe --bind-to none build-mpi/quantdyn run tests/mpi/experiment.yaml --quiet \
    --threads "$threads" --output "$results/$name" "$@" > "$results/$name.log" 2>&1 || { cat "$results/$name.log"; return 1; }
}
# check NAME REFERENCE: one line; both results must have the same bits.
check() {
  build-mpi/quantdyn compare "$results/$1/result.h5" "$results/$2/result.h5" > "$results/$1.compare"
  if grep -q 'all numbers are equal to the last bit' "$results/$1.compare"; then
    echo "$1: the bits of $2"
  else
    echo "$1: differs from $2; see $results/$1.compare"
    status=1
  fi
}

for net in dws mobilenet_v1 regular; do
  width='width: 0.25'
  case $net in mobilenet_v1) width='alpha: 0.5' ;; regular) width='width: 1' ;; esac
  settings="network={file: ../../experiments/networks/$net.yaml, $width}"
  build-mpi/quantdyn run tests/mpi/experiment.yaml --quiet --threads 2 --output $results/$net --set "$settings" > $results/$net.log
  for ranks in 1 2 3 4 8; do
    for threads in 1 2; do
      if [ $net = regular ] && [ $threads = 2 ]; then continue; fi
      name=$net-$ranks-ranks-$threads-threads
      run "$name" $ranks $threads --set "$settings"
      check "$name" $net
    done
  done
done

# Micro batches of 128: up to 4 ranks, with the norms' statistics of 128 images.
for ranks in 1 2 4; do
  run micro-$ranks $ranks 1 --set train.micro_batch=128
  check micro-$ranks micro-1
done

# Snapshots. Gradients are shared in parts of 32 images, and 64 are too few for 3 ranks; exact quantiles take more passes over the images;
# rank 0 alone makes snapshots that keep raw tensors; without training nothing comes before the first snapshot.
for ranks in 1 2 3 8; do
  run gradients-$ranks $ranks 1 --set track.gradients.images=256 --set variants=[]
  check gradients-$ranks gradients-1
done
for ranks in 1 3; do
  run exact-$ranks $ranks 1 --set 'track.statistics=[moments, {name: quantiles, exact: true}]' --set variants=[]
  run few-$ranks $ranks 2 --set track.gradients.images=64 --set variants=[]
  run raw-$ranks $ranks 1 --set 'track.tensors={nodes: [sep2_dw, sep4_pw], tensors: [output, norm_gradient], images: 16, snapshots: last}' \
    --set track.gradients.images=64
  run untrained-$ranks $ranks 1 --set 'train={epochs: 0}' --set 'checkpoint={}' --set 'track.epochs=[]'
  run quantized-$ranks $ranks 1 --set 'track.quantize=[int8, weights6]'
  for name in exact few raw untrained quantized; do check $name-$ranks $name-1; done
done

# Stopped in the middle on 3 ranks, continued on 2.
run stopped 3 1 --set checkpoint.steps=1 --set track.quantize=[int8] > /dev/null & started=$!
until [ -n "$(ls $results/stopped/checkpoints/*.h5 2> /dev/null)" ]; do sleep 0.1; done
pkill -KILL -f -- "--output $results/stopped" || true
wait $started || true
run stopped 2 1 --set checkpoint.steps=1 --set track.quantize=[int8]
run unstopped 1 1 --set checkpoint.steps=1 --set track.quantize=[int8]
check stopped unstopped

# expect NAME TEXT: the log of a run that must fail has a line with the text.
expect() {
  if grep -q -- "$2" "$results/$1.log"; then echo "$1: refused"; else echo "$1: no line says '$2'"; cat "$results/$1.log"; status=1; fi
}
run too_many 9 1 > /dev/null && status=1
expect too_many 'accepted: up to 8 ranks'
run too_many_for_micro 8 1 --set train.micro_batch=128 > /dev/null && status=1
expect too_many_for_micro 'accepted: up to 4 ranks, a larger micro batch'
run with_quantizers 2 1 --set train.quantization.variant=int8 > /dev/null && status=1
expect with_quantizers 'training with quantizers runs in one process'
mpirun --oversubscribe -np 1 build-mpi/quantdyn run tests/mpi/experiment.yaml --output $results/differing \
  : -np 1 build-mpi/quantdyn run tests/mpi/experiment.yaml --output $results/differing --set seed=5 > $results/differing.log 2>&1 && status=1
expect differing 'rank 1 differs from rank 0 in seed: 5 against 3'
exit $status
