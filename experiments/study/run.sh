#!/bin/sh
# Runs or resumes the study of claims.yaml, then writes its verdicts, tables and figures.
#
# usage: experiments/study/run.sh [OPTION...]
#
#   --tier TIER       quick (minutes: few epochs of few built-in images, to see that all parts work), main (hours: what is
#                     reported), full (200 epochs, full width: prints the commands that submit the sweeps to Slurm)  (quick)
#   --local           full: runs here what it is asked for; mlperf and imagenet after the sweeps
#   --groups "A B"    of families between norms groups initializers mlperf imagenet (all that have their data)
#   --seeds "0 1"     of the sweeps, where a machine makes a part of them (all)
#   --jobs N          members of a sweep that run at a time (1)
#   --cifar10 DIR     CIFAR-10's binary files; quick takes built-in images without it (main: datasets/cifar-10-batches-bin)
#   --mlperf DIR      pretrainedResnet.h5 and vww_96.h5 of github.com/mlcommons/tiny (datasets/mlperf-tiny)
#   --imagenet DIR    what experiments/imagenet/fetch.sh makes (datasets/imagenet)
#   --output DIR      folder of the results (results/study/TIER)
#   --slurm "WORDS"   full: what `quantdyn sweep slurm` is told ("--partition long --time 24:00:00 --cpus 8")
#   --no-verdicts     only the runs
# Finished runs are kept and interrupted ones go on, so the same command completes a study. QUANTDYN names another program
# (build/quantdyn), PYTHON another python3 with h5py, matplotlib, scipy and yaml (/usr/bin/python3).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
quantdyn=${QUANTDYN:-$here/../../build/quantdyn}
python=${PYTHON:-/usr/bin/python3}
all='families between norms groups initializers mlperf imagenet'
tier=quick groups=$all seeds='' jobs=1 cifar10='' mlperf=datasets/mlperf-tiny imagenet=datasets/imagenet output='' verdicts=yes local=no
slurm='--partition long --time 24:00:00 --cpus 8'
width=0.5 alpha=0.25  # of families.yaml and between.yaml

fail() {
  echo "run.sh: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --tier | --groups | --seeds | --jobs | --cifar10 | --mlperf | --imagenet | --output | --slurm)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --tier) tier=$2 ;;
        --groups) groups=$2 ;;
        --seeds) seeds=$2 ;;
        --jobs) jobs=$2 ;;
        --cifar10) cifar10=$2 ;;
        --mlperf) mlperf=$2 ;;
        --imagenet) imagenet=$2 ;;
        --output) output=$2 ;;
        --slurm) slurm=$2 ;;
      esac
      shift 2
      ;;
    --no-verdicts)
      verdicts=no
      shift
      ;;
    --local)
      local=yes
      shift
      ;;
    *) fail "unknown option $1; accepted: --tier, --groups, --seeds, --jobs, --cifar10, --mlperf, --imagenet, --output, --slurm, --local, --no-verdicts" ;;
  esac
done
case $tier in quick | main | full) ;; *) fail "--tier $tier; accepted: quick, main, full" ;; esac
case $seeds in *[!0-9\ ]*) fail "--seeds $seeds; accepted: numbers, as \"0 1\"" ;; esac
for group in $groups; do
  case " $all " in *" $group "*) ;; *) fail "--groups $group; accepted: $all" ;; esac
done
[ -x "$quantdyn" ] || fail "$quantdyn is not a program; meson setup build && ninja -C build makes it"
output=${output:-results/study/$tier}
prints=no
[ "$tier" != full ] || [ $local = yes ] || prints=yes
[ "$tier" = quick ] || cifar10=${cifar10:-datasets/cifar-10-batches-bin}

# The images, as --set takes them: paths in an experiment start at its folder, so they are absolute here.
if [ -n "$cifar10" ]; then
  [ -f "$cifar10/test_batch.bin" ] || fail "$cifar10 has no CIFAR-10; experiments/fetch_cifar10.sh datasets gets it"
  source="{name: cifar10, directory: $(cd "$cifar10" && pwd)}"
fi
if [ "$tier" = quick ] && [ -n "$cifar10" ]; then
  source="{name: subset, choice: seeded, train_images: 512, test_images: 256, of: $source}"
elif [ "$tier" = quick ]; then
  source='{name: synthetic, train_images: 512, test_images: 256}'
fi
case $tier in
  quick) width=0.25 alpha=0.125 ;;
  full) width=1 alpha=1 ;;
esac
# The nets of families.yaml at the tier's size.
nets="[{file: ../networks/regular.yaml, width: $width}, {file: ../networks/dws.yaml, width: $width}, \
{file: ../networks/mobilenet_v1_regular.yaml, alpha: $alpha}, {file: ../networks/mobilenet_v1.yaml, alpha: $alpha}]"

# The variants of a file; quick: with less to compute.
variants_of() {
  sed -e '1,/^variants:/d' "$1" | if [ "$tier" = quick ]; then
    sed -e 's/iterations: 500/iterations: 5/' -e 's/images: 256/images: 32/' -e 's/images: 512/images: 64/'
  else
    cat
  fi
}

# `quantdyn COMMAND FILE`, and what else it is told, with the images of the tier.
quantdyn_on() {
  command=$1 file=$2
  shift 2
  set -- "$@" --set "data.source=$source"
  if [ "$tier" = quick ]; then
    set -- "$@" --set track.probe_images=64 --set "variants=$(variants_of "$here/$file.yaml")"
  fi
  # shellcheck disable=SC2086 # the command is words
  "$quantdyn" $command "$here/$file.yaml" "$@" </dev/null
}

failed=''
sweep() { # FILE
  file=$1
  set -- --output "$output/$file"
  if [ "$tier" != main ]; then
    epochs='[]'
    case $file in
      families)
        epochs='[1, 2, 5, 10, 20, 50, 100, 150]'
        [ "$tier" = full ] || epochs='[1, 2, 3, 4, 5]'
        set -- "$@" --set "sweep.grid.network=$nets"
        ;;
      between) set -- "$@" --set network.alpha=$alpha ;;
      *) [ "$tier" = quick ] || set -- "$@" --set network.width=$width ;;
    esac
    set -- "$@" --set "track.epochs=$epochs"
  fi
  case $tier in
    quick)
      trained=1
      [ "$file" != families ] || trained=6  # snapshots to compare
      set -- "$@" --set train.epochs=$trained --set "sweep.grid.seed=[0, 1]"
      ;;
    full) set -- "$@" --set train.epochs=200 ;;
  esac
  [ -z "$seeds" ] || set -- "$@" --set "sweep.grid.seed=[$(echo $seeds | sed 's/ /, /g')]"
  if [ $prints = yes ]; then
    printf "'%s' " "$quantdyn" sweep slurm "$here/$file.yaml" --submit "$@" --set "data.source=$source"
    echo "$slurm"
    return
  fi
  echo "$file:"
  quantdyn_on 'sweep run' "$file" --jobs "$jobs" "$@" || failed="$failed $file"
}

# Nets that nobody here trained, with the variants of ../imagenet.
mlperf_net() { # MEMBER FILE VARIANTS OPTION...
  member=$1 file=$2 variants=$3
  shift 3
  if [ ! -f "$mlperf/$file" ]; then
    echo "$member is left out: $mlperf has no $file" >&2
    return
  fi
  if [ "$tier" = quick ]; then
    variants=$(echo "$variants" | sed 's/images: 512/images: 64/')
    set -- "$@" --set track.probe_images=64
  fi
  echo "mlperf, $member:"
  "$quantdyn" sweep run "$here/pretrained.yaml" --output "$output/mlperf" --set "sweep=[{name: $member}]" --set "variants=$variants" \
    --set "network.file=$(cd "$mlperf" && pwd)/$file" "$@" || failed="$failed $member"
}

mlperf() {
  headline=$(cat "$here/../imagenet/variants/headline.yaml")
  mlperf_net resnet8 pretrainedResnet.h5 "$headline
$(cat "$here/../imagenet/variants/repairs.yaml")" --set "data.source=$source"
  mlperf_net vww vww_96.h5 "$headline" --set data.standardize.mode=scale \
    --set "data.source={name: unlabelled, of: {name: resize, of: $source, height: 96, width: 96}}"
}

imagenet() {
  if [ ! -f "$imagenet/images.h5" ]; then
    echo "imagenet is left out: $imagenet has no images.h5" >&2
    return
  fi
  set -- --groups 'headline repairs'
  [ "$tier" != quick ] || set -- --groups headline --images 32
  "$here/../imagenet/run.sh" --nets 'mobilenet_v1 mobilenet_v2 efficientnet_lite0' "$@" --output "$output/imagenet" \
    "$imagenet" || failed="$failed imagenet"
}

[ $prints = yes ] || mkdir -p "$output"
for group in $groups; do
  case $group in
    mlperf | imagenet) [ $prints = yes ] || $group ;;
    *) sweep "$group" ;;
  esac
done
if [ $verdicts = yes ] && [ $prints = no ]; then
  trial=''
  [ "$tier" != quick ] || trial='--seeds 2'
  # shellcheck disable=SC2086 # an option and its value
  "$python" -B "$here/report.py" "$output" --figures $trial || failed="$failed report"
fi
[ -z "$failed" ] || fail "not made:$failed"
