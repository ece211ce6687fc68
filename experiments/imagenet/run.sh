#!/bin/sh
# Quantizes three ImageNet nets and a regular one in every way of variants/, and writes table.md and depth.png.
#
# usage: experiments/imagenet/run.sh [OPTION...] [FOLDER]
#
# FOLDER (datasets/imagenet) has what fetch.sh makes. Options:
#   --images N       only N test images, N for calibration at most: a quick look
#   --nets "A B"     of mobilenet_v1 mobilenet_v2 efficientnet_lite0 regular (all)
#   --groups "A B"   of headline ranges repairs adaround (all)
#   --output DIR     folder of the results (results/imagenet, with --images results/imagenet-N)
#   --cifar10 DIR    CIFAR-10's binary files, for the regular net (datasets/cifar-10-batches-bin)
# Finished results are kept: if it is started again, it goes on with the next one. QUANTDYN names another program
# (build/quantdyn), PYTHON another python3 with h5py and matplotlib (/usr/bin/python3).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
quantdyn=${QUANTDYN:-$here/../../build/quantdyn}
python=${PYTHON:-/usr/bin/python3}
images='' nets='mobilenet_v1 mobilenet_v2 efficientnet_lite0 regular' groups='headline ranges repairs adaround'
output='' cifar10=datasets/cifar-10-batches-bin

fail() {
  echo "run.sh: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --images | --nets | --groups | --output | --cifar10)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --images) images=$2 ;;
        --nets) nets=$2 ;;
        --groups) groups=$2 ;;
        --output) output=$2 ;;
        --cifar10) cifar10=$2 ;;
      esac
      shift 2
      ;;
    -*) fail "unknown option $1; accepted: --images, --nets, --groups, --output, --cifar10" ;;
    *) break ;;
  esac
done
[ $# -le 1 ] || fail "one folder is expected, $# are given"
case $images in *[!0-9]* | 0*) fail "--images $images; accepted: a whole number from 1" ;; esac
[ -x "$quantdyn" ] || fail "$quantdyn is not a program; meson setup build && ninja -C build makes it"
folder=${1:-datasets/imagenet}
output=${output:-results/imagenet${images:+-$images}}
absolute() { (cd "$1" 2>/dev/null && pwd) || fail "$1: no such folder"; }

# The variants of a group, with no more calibration images than there are test images.
variants_of() {
  if [ -n "$images" ] && [ "$images" -lt 512 ]; then
    sed "s/{images: 512}/{images: $images}/" "$here/variants/$1.yaml"
  else
    cat "$here/variants/$1.yaml"
  fi
}

failed=''
run_group() { # NET GROUP, and what else the program is told
  net=$1 group=$2
  shift 2
  if [ -f "$output/$net/$group/result.h5" ]; then
    echo "$output/$net/$group is finished already"
    return
  fi
  echo "$net, $group:"
  "$quantdyn" run "$here/$net.yaml" --output "$output/$net/$group" --set "variants=$(variants_of "$group")" "$@" ||
    failed="$failed $net/$group"
}

for net in $nets; do
  [ -f "$here/$net.yaml" ] || fail "--nets $net; accepted: mobilenet_v1, mobilenet_v2, efficientnet_lite0, regular"
  if [ "$net" = regular ] && [ ! -f "$cifar10/test_batch.bin" ]; then
    echo "regular is left out: $cifar10 has no CIFAR-10 (experiments/fetch_cifar10.sh datasets gets it)" >&2
    continue
  fi
  for group in $groups; do
    [ -f "$here/variants/$group.yaml" ] || fail "--groups $group; accepted: headline, ranges, repairs, adaround"
    if [ "$net" != regular ]; then
      data=$(absolute "$folder")
      run_group "$net" "$group" --set "network.file=$data/$net.onnx" --set "data.source.of.file=$data/images.h5" \
        ${images:+--set "data.source.test_images=$images"}
    elif [ -f "$output/regular/headline/result.h5" ]; then # trained there
      run_group regular "$group" --set "data.source.directory=$(absolute "$cifar10")" --set train.epochs=0 \
        --set "weights=$(absolute "$output/regular/headline")/result.h5"
    else
      run_group regular "$group" --set "data.source.directory=$(absolute "$cifar10")"
    fi
  done
done

"$python" -B "$here/table.py" "$output" --markdown "$output/table.md" || failed="$failed table"
set --
for net in mobilenet_v1 mobilenet_v2 efficientnet_lite0 regular; do
  [ ! -f "$output/$net/headline/result.h5" ] || set -- "$@" "$output/$net/headline"
done
[ $# -eq 0 ] || "$quantdyn" figures "$@" --figure depth --variant minmax-8 \
  --output "$output" || failed="$failed figure"
[ -z "$failed" ] || fail "not made:$failed"
