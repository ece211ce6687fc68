#!/usr/bin/env bash
# Installs what quantdyn needs where it is missing: install_packages.sh [--figures | --study | --tests | --sanitize | --mpi | --packages | --processors | --site]
#   --figures  also what quantdyn figures and report draw with; --study also that, and what experiments/study decides with;
#   --tests    also that, and what the tests need;
#   --sanitize also Clang, for the tests with sanitizers; --mpi also Open MPI, for runs of several processes;
#   --packages also what tests/packages needs; --processors also what tests/processors needs; --site also what experiments/site needs; --libraries installs nothing and prints the libraries that quantdyn links with
# Debian 12's packages, with sudo where not root; on Ubuntu 24.04 and Fedora, both untried, those of the same libraries by their names
# there; elsewhere it prints the list and stops.
set -euo pipefail

packages=(g++ git meson ninja-build pkg-config libblis-dev libboost-program-options-dev libfmt-dev libhdf5-dev
  libhwy-dev libonnx-dev libprotobuf-dev librandom123-dev libssl-dev libxxhash-dev libyaml-cpp-dev nlohmann-json3-dev zlib1g-dev)
case ${1:-} in  # each adds to what follows
  --mpi) packages+=(libopenmpi-dev openmpi-bin) ;;
  --site) packages+=(doxygen mkdocs mkdocs-material) ;;
  --packages) packages+=(mmdebstrap) ;;
  --processors) packages+=(g++-aarch64-linux-gnu mmdebstrap qemu-user) ;;
  --libraries) printf '%s\n' "${packages[@]}" | grep -e '-dev$'; exit ;;
  --sanitize) packages+=(clang libomp-dev llvm) ;;&
  --sanitize | --tests) packages+=(chromium-headless-shell hdf5-tools libboost-test-dev python3-h5netcdf python3-jsonschema python3-netcdf4 python3-xarray) ;;&
  --sanitize | --tests | --study) packages+=(python3-scipy python3-yaml) ;;&
  --sanitize | --tests | --study | --figures) packages+=(graphviz python3 python3-h5py python3-matplotlib) ;;
esac

# fedora_name PACKAGE: what Fedora calls it.
fedora_name() {
  case $1 in
    g++) echo gcc-c++ ;;
    g++-aarch64-linux-gnu) echo gcc-c++-aarch64-linux-gnu ;;
    pkg-config) echo pkgconf-pkg-config ;;
    libboost-*-dev) echo boost-devel ;;
    libhwy-dev) echo highway-devel ;;
    librandom123-dev) echo Random123-devel ;;
    libssl-dev) echo openssl-devel ;;
    libomp-dev) echo libomp-devel ;;
    nlohmann-json3-dev) echo json-devel ;;
    zlib1g-dev) echo zlib-devel ;;
    openmpi-bin) echo openmpi ;;
    chromium-headless-shell) echo chromium-headless ;;
    hdf5-tools) echo hdf5 ;;
    python3-yaml) echo python3-pyyaml ;;
    lib*-dev) name=${1#lib} && echo "${name%-dev}-devel" ;;
    *) echo "$1" ;;
  esac
}

as_root=()
find_root() {  # what is missing, as words
  [ "$(id -u)" -ne 0 ] || return 0
  if ! command -v sudo >/dev/null; then
    echo "Not root, and there is no sudo. Please have these packages installed: $*" >&2
    exit 1
  fi
  as_root=(sudo)
}

if ! command -v apt-get >/dev/null && command -v dnf >/dev/null; then
  names=()
  for package in "${packages[@]}"; do
    name=$(fedora_name "$package")
    rpm --quiet --query --whatprovides "$name" || names+=("$name")
  done
  [ ${#names[@]} -gt 0 ] || exit 0
  find_root "${names[@]}"
  echo "Installing, by Fedora's names, which nobody has tried yet: ${names[*]}"
  exec "${as_root[@]}" dnf install -y "${names[@]}"
fi

missing=()
for package in "${packages[@]}"; do
  if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then missing+=("$package"); fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "This system has no apt-get. Please install, by the names it has for them: ${packages[*]}" >&2
  exit 1
fi
find_root "${missing[@]}"
echo "Installing: ${missing[*]}"
"${as_root[@]}" apt-get update -q
for index in "${!missing[@]}"; do  # Ubuntu has Chromium as a snap alone; tests of pages skip without it
  [ "${missing[index]}" != chromium-headless-shell ] || apt-cache show chromium-headless-shell >/dev/null 2>&1 || unset "missing[index]"
done
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
