#!/usr/bin/env bash
# Every check there is, the cheapest first, the tests last: the output ends with nextest's own summary.
#
#   scripts/test.sh         everything; what CI runs
#   scripts/test.sh lint    the checks that run none of our code: format, dependencies, clippy, docs
#
# Needs Rust 1.95 and a C compiler; scripts/tools.sh brings the rest. A section that passes prints its name and its
# seconds; the first that fails prints all that it said, and ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/tools.sh
source scripts/tools.sh

log=$(mktemp)
trap 'rm -f "$log"' EXIT
not_run=()

main() {
  # CI builds once and throws away: incremental files would cost time and gigabytes, and serve nobody.
  [[ -z ${CI:-} ]] || export CARGO_INCREMENTAL=0

  lint
  [[ ${1:-} != lint ]] || { say_what_did_not_run; return; }
  compile
  section 'doc tests' cargo test --workspace --doc --locked
  name_ignored_tests
  not_run+=("10,000 simulator seeds (the tests run 200): just simulate")
  not_run+=("the benchmarks: just bench")
  say_what_did_not_run
  echo "== tests (the checks before them took $SECONDS s)"
  # `leak` prints what failed, was slow or left a process behind, and nothing about what passed. To stdout like all
  # the rest, so that the summary comes last wherever the output goes.
  cargo nextest run --workspace --locked --cargo-quiet --no-fail-fast --status-level leak 2>&1
}

lint() {
  section 'tools' install_tools
  section 'format' cargo fmt --all --check
  # A wrapper may be named before its crate exists, or after its last use; every other warning is an error.
  section 'dependencies: bans, licences, sources' \
    cargo deny --locked check --deny warnings --allow unused-wrapper bans licenses sources
  advisories
  section 'clippy' cargo clippy --workspace --all-targets --locked -- -D warnings
  section 'docs' env RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked
}

compile() {
  section 'compile the tests' cargo nextest run --workspace --locked --no-run
}

# RustSec's database is a git repository on GitHub, which not every machine reaches. Where it is out of reach the check
# is named as not run; where it can be read, a finding fails the run like any other.
advisories() {
  if within 120 cargo deny --locked fetch db >"$log" 2>&1; then
    section 'dependencies: advisories' cargo deny --locked check advisories
  else
    echo "== dependencies: advisories                NOT RUN"
    not_run+=("security advisories, as RustSec's database cannot be fetched: $(awk 'NF { last = $0 } END { print last ? last : "no answer in 120 s" }' "$log")")
  fi
}

name_ignored_tests() {
  local test
  while IFS= read -r test; do
    not_run+=("ignored test: $test")
  done < <(cargo nextest list --workspace --locked --cargo-quiet --run-ignored only --message-format oneline)
}

say_what_did_not_run() {
  [[ ${#not_run[@]} -gt 0 ]] || return 0
  echo
  echo "Not run:"
  printf '  - %s\n' "${not_run[@]}"
  echo
}

# section NAME COMMAND...: quiet and timed when it passes, the whole story and the end of the run when it fails.
section() {
  local name=$1 started=$SECONDS status=0
  shift
  printf '== %-40s' "$name"
  # In a subshell of its own and outside of any condition, or `set -e` would not hold inside a function.
  set +e
  (set -e; "$@") >"$log" 2>&1
  status=$?
  set -e
  if [[ $status != 0 ]]; then
    echo "FAILED after $((SECONDS - started)) s"
    cat "$log"
    echo "== $name failed: $*"
    exit "$status"
  fi
  echo "$((SECONDS - started)) s"
}

# within SECONDS COMMAND...: macOS has no timeout(1); there the command takes the time that it takes.
within() {
  if command -v timeout >/dev/null; then
    timeout "$@"
  else
    shift
    "$@"
  fi
}

main "$@"
