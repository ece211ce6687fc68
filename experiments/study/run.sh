#!/bin/sh
# Runs or resumes the study of claims.yaml, then writes its verdicts, tables and figures.
#
# usage: experiments/study/run.sh [OPTION...]
#
#   --tier TIER       quick (minutes: one epoch of few built-in images, to see that all parts work), main (hours: what is
#                     reported), full (prints the commands that write the jobs for Slurm; runs nothing)  (quick)
#   --groups "A B"    of families snapshots between norms groups initializers mlperf imagenet (all that have their data)
#   --jobs N          members of a sweep that run at a time (1)
#   --cifar10 DIR     CIFAR-10's binary files; quick takes built-in images without it (main: datasets/cifar-10-batches-bin)
#   --mlperf DIR      pretrainedResnet.h5 of github.com/mlcommons/tiny (datasets/mlperf-tiny)
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
all='families snapshots between norms groups initializers mlperf imagenet'
tier=quick groups=$all jobs=1 cifar10='' mlperf=datasets/mlperf-tiny imagenet=datasets/imagenet output='' verdicts=yes
slurm='--partition long --time 24:00:00 --cpus 8'
separable='dws mobilenet_v1'

fail() {
  echo "run.sh: $*" >&2
  exit 1
}

while [ $# -gt 0 ]; do
  case $1 in
    --tier | --groups | --jobs | --cifar10 | --mlperf | --imagenet | --output | --slurm)
      [ $# -ge 2 ] || fail "$1 needs a value"
      case $1 in
        --tier) tier=$2 ;;
        --groups) groups=$2 ;;
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
    *) fail "unknown option $1; accepted: --tier, --groups, --jobs, --cifar10, --mlperf, --imagenet, --output, --slurm, --no-verdicts" ;;
  esac
done
case $tier in quick | main | full) ;; *) fail "--tier $tier; accepted: quick, main, full" ;; esac
for group in $groups; do
  case " $all " in *" $group "*) ;; *) fail "--groups $group; accepted: $all" ;; esac
done
[ -x "$quantdyn" ] || fail "$quantdyn is not a program; meson setup build && ninja -C build makes it"
output=${output:-results/study/$tier}
[ "$tier" = quick ] || cifar10=${cifar10:-datasets/cifar-10-batches-bin}

# The images, as --set takes them: paths in an experiment start at its folder, so they are absolute here.
if [ -n "$cifar10" ]; then
  [ -f "$cifar10/test_batch.bin" ] || fail "$cifar10 has no CIFAR-10; experiments/fetch_cifar10.sh datasets gets it"
  source="{name: cifar10, directory: $(cd "$cifar10" && pwd)}"
fi
if [ "$tier" = quick ] && [ -n "$cifar10" ]; then
  source="{name: subset, choice: seeded, train_images: 1024, test_images: 256, of: $source}"
elif [ "$tier" = quick ]; then
  source='{name: synthetic, train_images: 1024, test_images: 256}'
fi

# The variants of a file; quick: with less to compute.
variants_of() {
  sed -e '1,/^variants:/d' "$1" | if [ "$tier" = quick ]; then
    sed -e 's/iterations: 500/iterations: 5/' -e 's/images: 256/images: 32/' -e 's/images: 512/images: 64/'
  else
    cat
  fi
}

# `quantdyn COMMAND FILE`, and what else it is told, with the images and the size of the tier.
quantdyn_on() {
  command=$1 file=$2
  shift 2
  set -- "$@" --set "data.source=$source"
  if [ "$tier" = quick ]; then
    set -- "$@" --set track.probe_images=64 --set "variants=$(variants_of "$here/$file.yaml")"
  fi
  # shellcheck disable=SC2086 # the command is words
  "$quantdyn" $command "$here/$file.yaml" "$@"
}

failed=''
sweep() { # FILE, and what else the program is told
  file=$1
  shift
  echo "$file:"
  if [ "$tier" = quick ]; then
    epochs='[]'
    case $file in families) epochs='[0]' ;; esac
    set -- "$@" --set train.epochs=1 --set 'sweep.grid.seed=[0, 1]' --set "track.epochs=$epochs"
  fi
  quantdyn_on 'sweep run' "$file" --jobs "$jobs" --output "$output/$file" "$@" || failed="$failed $file"
}

# Each snapshot of the separable nets, quantized, into snapshots/MEMBER/epoch-NNN.
snapshots() {
  for net in $separable; do
    case $net in dws) width=width=0.5 ;; mobilenet_v1) width=alpha=0.25 ;; esac
    for result in "$output"/families/seed*-"$net"/result.h5; do
      [ -f "$result" ] || continue
      member=$(basename "$(dirname "$result")")
      seed=${member#seed}
      "$python" -B "$here/snapshot_files.py" "$result" | while read -r epoch file; do
        folder=$output/snapshots/$member/epoch-$epoch
        [ ! -f "$folder/result.h5" ] || continue
        echo "$folder"
        quantdyn_on run snapshots --quiet --output "$folder" --set "seed=${seed%%-*}" --set "weights=$file" \
          --set "network={file: ../networks/$net.yaml, ${width%=*}: ${width#*=}}" >"$output/snapshots.log" ||
          echo "$member-epoch-$epoch" >>"$output/snapshots.failed"
      done
    done
  done
  [ ! -s "$output/snapshots.failed" ] || failed="$failed $(tr '\n' ' ' <"$output/snapshots.failed")"
  rm -f "$output/snapshots.failed"
}

# Nets that nobody here trained, with the variants of ../imagenet.
mlperf() {
  if [ ! -f "$mlperf/pretrainedResnet.h5" ]; then
    echo "mlperf is left out: $mlperf has no pretrainedResnet.h5" >&2
    return
  fi
  variants=$(cat "$here/../imagenet/variants/headline.yaml" "$here/../imagenet/variants/repairs.yaml")
  [ "$tier" != quick ] || variants=$(echo "$variants" | sed 's/images: 512/images: 64/')
  echo "mlperf:"
  "$quantdyn" sweep run "$here/pretrained.yaml" --member resnet8 --output "$output/mlperf" --set "variants=$variants" \
    --set "network.file=$(cd "$mlperf" && pwd)/pretrainedResnet.h5" --set "data.source=$source" || failed="$failed mlperf"
}

imagenet() {
  if [ ! -f "$imagenet/images.h5" ]; then
    echo "imagenet is left out: $imagenet has no images.h5" >&2
    return
  fi
  images=''
  [ "$tier" != quick ] || images='--images 32'
  # shellcheck disable=SC2086 # an option and its value
  "$here/../imagenet/run.sh" --nets 'mobilenet_v1 mobilenet_v2 efficientnet_lite0' --groups 'headline repairs' \
    --output "$output/imagenet" $images "$imagenet" || failed="$failed imagenet"
}

if [ "$tier" = full ]; then
  wide='[{file: ../networks/regular.yaml}, {file: ../networks/dws.yaml}, {file: ../networks/mobilenet_v1_regular.yaml}, {file: ../networks/mobilenet_v1.yaml}]'
  for group in $groups; do
    case $group in
      families) more="--set 'sweep.grid.network=$wide' --set 'track.epochs=[1, 2, 5, 10, 20, 50, 100, 150]'" ;;
      between) more='--set network.alpha=1' ;;
      norms | groups | initializers) more='--set network.width=1' ;;
      *) continue ;;
    esac
    echo "$quantdyn sweep slurm $here/$group.yaml $slurm --submit --output $output/$group --set train.epochs=200 --set 'data.source=$source' $more"
  done
  echo "snapshots, mlperf and imagenet: $here/run.sh --tier main --output $output --groups 'snapshots mlperf imagenet', when these are done" >&2
  exit 0
fi

mkdir -p "$output"
for group in $groups; do
  case $group in
    snapshots | mlperf | imagenet) $group ;;
    *) sweep "$group" ;;
  esac
done
if [ "$verdicts" = yes ]; then
  trial=''
  [ "$tier" != quick ] || trial='--seeds 2'
  # shellcheck disable=SC2086 # an option and its value
  "$python" -B "$here/verdicts.py" "$output" --figures $trial || failed="$failed verdicts"
fi
[ -z "$failed" ] || fail "not made:$failed"
