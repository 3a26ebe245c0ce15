#!/usr/bin/env bash
# Builds heartbeat-api and lays out the root folder of its container image: all that is in the image.
#
#   scripts/container-root.sh amd64|arm64 FOLDER             builds the program
#   scripts/container-root.sh amd64|arm64 FOLDER BINARY      takes one that was built
#
# The Containerfile runs it, and scripts/check-container.sh does, so that what is tried without an engine is what an
# engine builds. Needs gcc with binutils, for the processor that is asked for, and ca-certificates.
set -euo pipefail
umask 022
[[ $# == 2 || $# == 3 ]] || { echo "usage: container-root.sh amd64|arm64 FOLDER [BINARY]" >&2; exit 2; }
arch=$1 root=$2 binary=${3:-}
certificates=/etc/ssl/certs/ca-certificates.crt

main() {
  case $arch in
    amd64) rust=x86_64-unknown-linux-gnu gnu=x86_64-linux-gnu ;;
    arm64) rust=aarch64-unknown-linux-gnu gnu=aarch64-linux-gnu ;;
    *) fail "there is no image for $arch: amd64 or arm64" ;;
  esac
  command -v "$gnu-gcc" >/dev/null || fail "$gnu-gcc is missing, the C compiler for $arch"
  [[ -n $binary ]] || build
  [[ -s $certificates ]] || fail "$certificates is missing: install ca-certificates"
  mkdir -p "$root"
  [[ -z $(ls -A "$root") ]] || fail "$root is not empty"
  install -D -m 0555 "$binary" "$root/heartbeat-api"
  install_libraries "$root/heartbeat-api"
  # AWS answers by TLS; rustls trusts what is at this path.
  install -D -m 0444 "$certificates" "$root$certificates"
  # A name in /etc/hosts, which engines write, counts before the DNS.
  install -D -m 0444 <(echo 'hosts: files dns') "$root/etc/nsswitch.conf"
}

build() {
  local linker=CARGO_TARGET_${rust^^}_LINKER
  export "${linker//-/_}=$gnu-gcc" CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=symbols
  cd "$(dirname "$0")/.."
  cargo build --release --locked --target "$rust" --package heartbeat --bin heartbeat-api
  binary="${CARGO_TARGET_DIR:-target}/$rust/release/heartbeat-api"
}

# What the program names and what that names, from the compiler's own library folders; and who loads them, at the path
# that the program has for it.
install_libraries() {
  local loader
  loader=$(LC_ALL=C readelf --program-headers "$1" | sed -n 's/.*program interpreter: \(.*\)]$/\1/p')
  [[ -n $loader ]] || return 0
  install -D -m 0555 "$(library "$(basename "$loader")")" "$root$loader"
  install_named_by "$1"
}

install_named_by() {
  local name
  while read -r name; do
    # The loader is there already, whatever else names it.
    if [[ $name != ld-linux-* && ! -e $root/lib/$name ]]; then
      install -D -m 0444 "$(library "$name")" "$root/lib/$name"
      install_named_by "$root/lib/$name"
    fi
  done < <(LC_ALL=C readelf --dynamic "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)]$/\1/p')
}

library() {
  local path
  path=$("$gnu-gcc" -print-file-name="$1")
  # The compiler answers with the bare name where it has none.
  [[ $path == /* ]] || fail "$gnu-gcc has no $1"
  echo "$path"
}

fail() {
  echo "container-root.sh: $1" >&2
  exit 1
}

main
