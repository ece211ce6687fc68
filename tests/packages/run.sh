#!/usr/bin/env bash
# Builds the Debian packages of debian/ in a clean Debian, lets lintian check them, installs them in another clean one and runs
# the quickstart there: tests/packages/run.sh [SUITE]   (bookworm; trixie is Debian 13). Exit code 1 where something fails.
# Both systems are made by mmdebstrap in temporary folders. What is built is the commit that is checked out. Debian packages:
# those of experiments/install_packages.sh --packages.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=${1:-bookworm}
export OMP_WAIT_POLICY=passive  # a thread that waits leaves its core to others

skip() { echo "SKIP: tests/packages: $*"; exit 0; }
command -v mmdebstrap > /dev/null || skip "no mmdebstrap; run experiments/install_packages.sh --packages"
version=$(sed -n "s/^  version: '\(.*\)',/\1/p" meson.build)
[ "$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)" = "$version" ] || { echo "debian/changelog: its version is not $version, that of meson.build"; exit 1; }
needed=$(sed -n '/^Build-Depends:/,/^Standards-Version/{s/^Build-Depends://; s/([^)]*)//g; s/debhelper-compat/debhelper/; /^Standards/d; p}' debian/control | tr -d ' \n')
for library in $(experiments/install_packages.sh --libraries); do
  case ",$needed," in *",$library,"*) ;; *) echo "debian/control: Build-Depends lacks $library"; exit 1 ;; esac
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source" "$work/made"
git archive HEAD | tar -x -C "$work/source"
chmod 755 "$work"

# system LOG PACKAGES HOOK...: makes a Debian with the packages, runs the hooks in it, and forgets it.
system() {
  local log=$1 packages=$2 hooks=()
  shift 2
  for hook in "$@"; do hooks+=(--customize-hook="$hook"); done
  mmdebstrap --quiet --variant=apt --include="$packages" "${hooks[@]}" "$suite" /dev/null > "$log" 2>&1
}
in_it() { printf 'chroot "$1" sh -ec %q' "$1"; }

start=$SECONDS
system "$work/build.log" "build-essential,lintian,$needed" "copy-in '$work/source' /" \
  "$(in_it 'cd /source && dpkg-buildpackage --unsigned-changes --unsigned-source --build=binary')" \
  "$(in_it 'cd / && lintian --fail-on error --allow-root *.changes')" \
  "$(in_it 'mkdir /made && cp /*.deb /made')" "sync-out /made '$work/made'" ||
  { tail -n 40 "$work/build.log"; echo "$suite: the packages could not be built, or lintian found errors"; exit 1; }
echo "$suite: $(cd "$work/made" && ls -- *.deb | tr '\n' ' ')built and checked, $((SECONDS - start)) s"
grep -E '^[EW]: ' "$work/build.log" || true

start=$SECONDS
system "$work/use.log" python3-h5py,python3-matplotlib,graphviz "copy-in '$work/made' /" "copy-in '$work/source/experiments' /" \
  "$(in_it 'apt-get install -y --no-install-recommends /made/quantdyn_*.deb /made/libquantdyn0*.deb /made/libquantdyn-dev*.deb')" \
  "$(in_it 'cd /tmp && quantdyn --version && quantdyn run /experiments/quickstart.yaml --quiet')" \
  "$(in_it 'cd /tmp && quantdyn new experiment > own.yaml && quantdyn validate own.yaml')" \
  "$(in_it 'cd /tmp && quantdyn report results/quickstart/dws && quantdyn figures results/quickstart/dws --output pictures')" ||
  { tail -n 40 "$work/use.log"; echo "$suite: the installed packages do not work"; exit 1; }
grep -E '^(regular|dws|written|results/)' "$work/use.log"
echo "$suite: installed, quickstart, report and figures, $((SECONDS - start)) s"
