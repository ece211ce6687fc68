#!/bin/sh
# Fetches CIFAR-10 (binary version, 163 MB) and unpacks it into FOLDER/cifar-10-batches-bin.
#
# usage: experiments/fetch_cifar10.sh FOLDER
#
# The archive is checked against the MD5 that its authors publish. Nothing appears under its final
# name before it is whole. CIFAR10_URL names another copy of the archive (a mirror; with curl also
# a file:// URL) and CIFAR10_MD5 its checksum.
set -eu

url=${CIFAR10_URL:-https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz}
md5=${CIFAR10_MD5:-c32a1d4ab5d03f1284b67883e8d87530}

fail() {
  echo "fetch_cifar10.sh: $*" >&2
  exit 1
}

if [ $# -ne 1 ] || [ -z "$1" ]; then
  echo "usage: $0 FOLDER" >&2
  exit 2
fi
folder=$1
final=$folder/cifar-10-batches-bin
if [ -e "$final" ]; then
  echo "$final is there already; remove it to fetch it again"
  exit 0
fi
command -v curl >/dev/null || command -v wget >/dev/null ||
  fail "neither curl nor wget is installed; accepted: either"
mkdir -p "$folder" || fail "$folder: cannot be made"
work=$(mktemp -d "$folder/.cifar10.XXXXXX") || fail "$folder: cannot be written to"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

echo "fetching $url"
if command -v curl >/dev/null; then
  curl --fail --location --show-error --silent --output "$work/archive" "$url" || status=$?
else
  wget --quiet --output-document="$work/archive" "$url" || status=$?
fi
[ "${status:-0}" -eq 0 ] ||
  fail "$url could not be fetched (exit code $status): is there a network?
If you have the archive elsewhere, say CIFAR10_URL=file:///path/to/cifar-10-binary.tar.gz $0 $folder"

found=$(md5sum <"$work/archive" | cut -d ' ' -f 1)
[ "$found" = "$md5" ] || fail "$url: MD5 $found; expected $md5"
tar -xzf "$work/archive" -C "$work" || fail "$url: the archive cannot be unpacked"
for name in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
  [ -f "$work/cifar-10-batches-bin/$name.bin" ] ||
    fail "$url: holds no cifar-10-batches-bin/$name.bin"
done
mv "$work/cifar-10-batches-bin" "$final"
echo "unpacked into $final"
