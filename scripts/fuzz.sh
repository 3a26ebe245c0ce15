#!/usr/bin/env bash
# Looks for bytes for which something does not hold that must hold of every ping, cron line and imported document:
# crates/heartbeat-fuzz says what. Coverage-guided, by libFuzzer, on the stable compiler; ends by itself.
#
#   scripts/fuzz.sh                    each target for 60 seconds
#   scripts/fuzz.sh 600 cron           one target (pings, cron, documents) for ten minutes
#   scripts/fuzz.sh --keep             first adds to the corpus what earlier runs found to reach something new
#
# Needs a C++ compiler besides what test.sh needs. What fails is named, and is at target/fuzz/TARGET-crash-…: once it is
# mended, it belongs into crates/heartbeat-fuzz/corpus/TARGET, which the tests replay.
set -euo pipefail
cd "$(dirname "$0")/.."

corpus=crates/heartbeat-fuzz/corpus
found="${CARGO_TARGET_DIR:-target}/fuzz"
# A longer input reaches nothing more, and takes longer.
longest=2048

main() {
  local seconds=60 keep=no targets=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      pings | cron | documents) targets+=("$1") ;;
      --keep) keep=yes ;;
      -h | --help) sed -n '2,/^set/ { /^#/ s/^# \{0,1\}//p }' scripts/fuzz.sh; return ;;
      *[!0-9]*) echo "unknown: $1" >&2; exit 2 ;;
      *) seconds=$1 ;;
    esac
    shift
  done
  [[ ${#targets[@]} -gt 0 ]] || targets=(pings cron documents)
  build
  local target status=0
  for target in "${targets[@]}"; do
    mkdir -p "$found/$target"
    [[ $keep == no ]] || keep "$target"
    echo "== $target, for $seconds s"
    search "$target" "$seconds" || status=1
  done
  exit "$status"
}

# The programs tell libFuzzer which code an input has reached: what cargo-fuzz does, without what needs a nightly compiler.
# A target is named so that build scripts and macros are left as they are.
build() {
  host=$(rustc -vV | sed -n 's/^host: //p')
  RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions" \
    cargo build --quiet --release --locked -p heartbeat-fuzz --bins --features libfuzzer --target "$host" \
    --target-dir "$found/build"
}

# Files in memory where there is such a folder: what is sought is in our code, not on the disk.
search() {
  local target=$1 seconds=$2 memory=${TMPDIR:-/tmp}
  [[ ! -d /dev/shm ]] || memory=/dev/shm
  TMPDIR=$memory "$found/build/$host/release/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -max_len="$longest" -verbosity=0 -print_final_stats=1 -artifact_prefix="$found/$target-" \
    "$found/$target" "$corpus/$target"
}

# Only what reaches something that nothing in the corpus does, the smallest first.
keep() {
  "$found/build/$host/release/fuzz-$1" -merge=1 -max_len="$longest" "$corpus/$1" "$found/$1" 2>/dev/null
}

main "$@"
