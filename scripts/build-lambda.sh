#!/usr/bin/env bash
# Packages for AWS Lambda: one zip a function, and in it one executable file called bootstrap.
#
#   scripts/build-lambda.sh                    both functions, for arm64
#   scripts/build-lambda.sh x86_64             both, for x86_64
#   scripts/build-lambda.sh arm64 checker      one of them
#
# Writes target/lambda/heartbeat-checker/bootstrap.zip and target/lambda/heartbeat-api/bootstrap.zip. Needs Rust with the
# standard library of the target, and Python 3; cargo-lambda and zig come from PyPI where they are not on the PATH.
# docs/packages.md has the sizes and what the profile `lambda` is made of. Same sources and tools, same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/tools.sh
source scripts/tools.sh

target_dir="${tools_dir%/tools}"
# A package that has grown past this has something in it that the function does not use.
largest_checker=$((5 * 1024 * 1024))

main() {
  local arch=arm64 names=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      arm64 | x86_64) arch=$1 ;;
      checker | api) names+=("$1") ;;
      -h | --help) usage; return ;;
      *) usage >&2; fail "unknown: $1" ;;
    esac
    shift
  done
  [[ ${#names[@]} -gt 0 ]] || names=(checker api)
  command -v cargo >/dev/null || fail "cargo is not on the PATH: install Rust 1.95 or later from https://rustup.rs"
  require_standard_library "$arch"
  install_cargo_lambda >/dev/null
  build "$arch" "${names[@]}"
  local name
  for name in "${names[@]}"; do
    package "$name"
  done
  for name in "${names[@]}"; do
    report "$arch" "$name"
  done
  [[ " ${names[*]} " != *' checker '* ]] || require_small_checker
}

usage() {
  sed -n '2,/^set/ { /^#/ s/^# \{0,1\}//p }' scripts/build-lambda.sh
}

triple() {
  case $1 in
    arm64) echo aarch64-unknown-linux-gnu ;;
    x86_64) echo x86_64-unknown-linux-gnu ;;
  esac
}

# cargo-lambda would ask rustup for it, and where there is no rustup, fail in the middle with an error of the compiler.
require_standard_library() {
  local arch=$1 rustc=${RUSTC:-rustc} triple folder other=x86_64 debian=arm64
  triple=$(triple "$arch")
  folder=$("$rustc" --print target-libdir --target "$triple") || fail "$rustc does not know the target $triple"
  ! compgen -G "$folder/libstd-*.rlib" >/dev/null || return 0
  [[ $arch == arm64 ]] || { other=arm64; debian=amd64; }
  fail "$("$rustc" --version) has no standard library for $triple, which packages for $arch need.
Install it:
  with rustup            rustup target add $triple
  on Debian, without it  dpkg --add-architecture $debian && apt-get update
                         apt-get install rustc-web libstd-rust-web-dev:$debian
                         RUSTC=/usr/bin/rustc scripts/build-lambda.sh $arch
                         (docs/packages.md says how to do that in a folder, without root)
Or build for $other instead, and tell Terraform so:
  scripts/build-lambda.sh $other
  terraform -chdir=terraform apply -var=lambda_architecture=$other"
}

# One call of cargo: what both functions depend on is compiled once. cargo-lambda is not to ask rustup for the target, which
# it would install unasked, even where RUSTC names a compiler that is not rustup's.
build() {
  local arch=$1 name bins=()
  shift
  for name in "$@"; do
    bins+=(--bin "heartbeat-$name")
  done
  forget_machine_paths
  CARGO_TARGET_DIR="$target_dir" cargo lambda build --skip-target-check --locked --profile lambda \
    --target "$(triple "$arch")" --output-format binary --package heartbeat "${bins[@]}"
}

# Messages of panics name source files. Where this machine keeps them is nobody's business, and would make another zip
# on every machine. Cargo's own separator, for folders may have spaces.
forget_machine_paths() {
  local flags=${CARGO_ENCODED_RUSTFLAGS-${RUSTFLAGS-}}
  [[ -n ${CARGO_ENCODED_RUSTFLAGS+set} ]] || flags=${flags// /$'\x1f'}
  export CARGO_ENCODED_RUSTFLAGS="${flags:+$flags$'\x1f'}--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
}

# A fixed date and mode, so that equal binaries make equal zips: Lambda and Terraform tell packages by their hash.
package() {
  local folder="$target_dir/lambda/heartbeat-$1"
  python3 - "$folder/bootstrap" "$folder/bootstrap.zip" <<'EOF'
import os
import sys
import zipfile

binary, package = sys.argv[1:]
entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
entry.create_system, entry.external_attr = 3, 0o100755 << 16
with open(binary, "rb") as file, zipfile.ZipFile(package + ".new", "w") as archive:
    archive.writestr(entry, file.read(), zipfile.ZIP_DEFLATED, 9)
os.replace(package + ".new", package)
EOF
}

report() {
  local folder="$target_dir/lambda/heartbeat-$2" zip
  zip="$folder/bootstrap.zip"
  printf '%s: %s, %s MiB, %s MiB unpacked\n' "${zip#"$PWD/"}" "$1" "$(mib "$zip")" "$(mib "$folder/bootstrap")"
  rm "$folder/bootstrap"
}

mib() {
  awk -v bytes="$(wc -c <"$1")" 'BEGIN { printf "%.2f", bytes / 1048576 }'
}

require_small_checker() {
  local zip="$target_dir/lambda/heartbeat-checker/bootstrap.zip"
  [[ $(wc -c <"$zip") -le $largest_checker ]] ||
    fail "${zip#"$PWD/"} is larger than $((largest_checker / 1048576)) MiB: see docs/packages.md for what it is made of"
}

main "$@"
