#!/usr/bin/env bash
# Every check there is, the cheapest first, the tests last: the output ends with nextest's own summary.
#
#   scripts/test.sh         everything; what CI runs
#   scripts/test.sh lint    the checks that run none of our code: format, dependencies, clippy, docs
#   scripts/test.sh tools   only fetches what the checks and tests need; after that, a plain `cargo nextest run` works
#
# Needs Rust 1.95, a C compiler and Python 3.11; scripts/tools.sh brings the rest. A section that passes prints its name
# and its seconds; the first that fails prints all that it said, and ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/tools.sh
source scripts/tools.sh

scratch=$(mktemp -d)
log="$scratch/log"
ministack_pid=
packages_pid=
trap stop_ministack_and_clean_up EXIT
deny_ddb_local=(cargo deny --locked --manifest-path "$ddb_local_manifest" --config tools/ddb-local/deny.toml check)
not_run=()
only=()

main() {
  # CI builds once and throws away: incremental files would cost time and gigabytes, and serve nobody.
  [[ -z ${CI:-} ]] || export CARGO_INCREMENTAL=0

  warn_of_a_small_disk
  section 'tools' install_tools
  [[ ${1:-} != tools ]] || return 0
  lint
  [[ ${1:-} != lint ]] || { say_what_did_not_run; return; }
  begin_packages
  compile
  section 'doc tests' cargo test --workspace --doc --locked
  terraform_checks
  end_packages
  name_ignored_tests
  not_run+=("10,000 simulator seeds (the tests run 100): just simulate")
  not_run+=("the benchmarks: just bench")
  say_what_did_not_run
  start_ministack
  echo "== tests (the checks before them took $SECONDS s)"
  # `leak` prints what failed, was slow or left a process behind, and nothing about what passed. To stdout like all
  # the rest, so that the summary comes last wherever the output goes.
  cargo nextest run --workspace --locked --cargo-quiet --profile all --test-threads "$((2 * $(cores) + 1))" \
    --no-fail-fast --status-level leak "${only[@]}" 2>&1 8>&- 9<&-
}

# A full disk fails what comes next, whatever that is, and often does not say so.
warn_of_a_small_disk() {
  [[ $(free_gigabytes) -ge 9 || -d ${tools_dir%/tools}/debug ]] ||
    echo "== disk: $(free_gigabytes) GB free, and a clean clone takes up to 9"
}

free_gigabytes() {
  df -Pk . | awk 'END { print int($4 / 1000000) }'
}

cores() {
  nproc 2>/dev/null || sysctl -n hw.ncpu
}

lint() {
  section 'format' cargo fmt --all --check
  # A wrapper may be named before its crate exists, or after its last use; every other warning is an error.
  section 'dependencies: bans, licences, sources' \
    cargo deny --locked check --deny warnings --allow unused-wrapper bans licenses sources
  advisories
  lint_ddb_local
  section 'clippy' cargo clippy --workspace --all-targets --locked -- -D warnings
  section 'docs' env RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --locked
}

# It is no member of the workspace, and held to the same rules.
lint_ddb_local() {
  section 'ddb-local: format' cargo fmt --manifest-path "$ddb_local_manifest" --check
  section 'ddb-local: bans, licences, sources' "${deny_ddb_local[@]}" --deny warnings bans licenses sources
  section 'ddb-local: clippy' cargo clippy --release --locked --manifest-path "$ddb_local_manifest" \
    --target-dir "$ddb_local_target" -- -D warnings
}

# Its provider comes from Terraform's registry, or from the folder that HEARTBEAT_TERRAFORM_PLUGINS names. What needs neither is
# among the tests: they compare terraform/tests/plan.json with the code, and with the files that it was made from.
terraform_checks() {
  local status=0 started=$SECONDS
  scripts/check-terraform.sh >"$log" 2>&1 || status=$?
  if [[ $status == 3 ]]; then
    echo "== terraform                               NOT RUN"
    not_run+=("scripts/check-terraform.sh: $(tail -n 1 "$log")")
  elif [[ $status != 0 ]]; then
    echo "== terraform                               FAILED"
    cat "$log"
    exit "$status"
  else
    printf '== %-40s%s s\n' terraform $((SECONDS - started))
  fi
}

# The packages as they are uploaded, for this machine's processor: the end-to-end tests run them. They are built beside what
# follows, in a folder of their own: optimising a whole program keeps only one processor busy.
begin_packages() {
  case $(uname -sm) in
    'Linux x86_64') arch=x86_64 ;;
    'Linux aarch64') arch=arm64 ;;
    *)
      not_run+=("the packages for AWS and the tests that run them: this is no Linux on x86_64 or arm64")
      only=(-E 'not binary(aws)')
      return
      ;;
  esac
  # A group of its own: what it has started ends with it.
  setsid bash -c 'scripts/build-lambda.sh "$1" >"$2" 2>&1; echo $? >"$2.status"' packages "$arch" "$scratch/packages" &
  packages_pid=$!
}

# Waits for them, and checks the container with what the tests were compiled to.
end_packages() {
  [[ -n $packages_pid ]] || return 0
  section "packages for AWS ($arch), the rest" packages_are_built
  packages_pid=
  # Named, for a package that was done before the last test was compiled looks older than the sources of that test.
  export HEARTBEAT_TEST_LAMBDA_CHECKER="${tools_dir%/tools}/lambda/heartbeat-checker/bootstrap.zip"
  export HEARTBEAT_TEST_LAMBDA_API="${tools_dir%/tools}/lambda/heartbeat-api/bootstrap.zip"
  section 'container' scripts/check-container.sh --binary "${tools_dir%/tools}/debug/heartbeat-api"
}

# They are no child of the subshell that a section is: it is told by the file that the builder leaves.
packages_are_built() {
  tail --pid="$packages_pid" -f /dev/null
  cat "$scratch/packages"
  [[ $(cat "$scratch/packages.status") == 0 ]]
}

compile() {
  section 'compile the tests' cargo nextest run --workspace --locked --no-run
}

# RustSec's database is a git repository on GitHub, which not every machine reaches. Where it is out of reach the check
# is named as not run; where it can be read, a finding fails the run like any other.
advisories() {
  if within 120 cargo deny --locked fetch db >"$log" 2>&1; then
    section 'dependencies: advisories' cargo deny --locked check advisories
    section 'ddb-local: advisories' "${deny_ddb_local[@]}" advisories
  else
    echo "== dependencies: advisories                NOT RUN"
    not_run+=("security advisories, as RustSec's database cannot be fetched: $(awk 'NF { last = $0 } END { print last ? last : "no answer in 120 s" }' "$log")")
  fi
}

# One ministack for the whole run: a single Python process bears hundreds of connections, and starts in 0.3 s. It says
# where it is in its first line, and serves until its stdin ends: a pipe that this script holds open as 8, and that closes
# even when the script is killed.
start_ministack() {
  mkfifo "$scratch/stdin" "$scratch/stdout"
  python3 -I -S tools/ministack.py "$ministack_dir" <"$scratch/stdin" >"$scratch/stdout" 2>"$log" &
  ministack_pid=$!
  exec 8>"$scratch/stdin" 9<"$scratch/stdout"
  if ! read -r HEARTBEAT_TEST_MINISTACK <&9; then
    echo "== ministack did not start:"
    cat "$log"
    exit 1
  fi
  export HEARTBEAT_TEST_MINISTACK
}

stop_ministack_and_clean_up() {
  [[ -z $packages_pid ]] || kill -- "-$packages_pid" 2>/dev/null || true
  if [[ -n $ministack_pid ]]; then
    kill "$ministack_pid" 2>/dev/null || true
    wait "$ministack_pid" 2>/dev/null || true
  fi
  rm -rf "$scratch"
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
    # Once more, marked as the sections are: where only those lines are kept, the reason is.
    tail -n 5 "$log" | sed 's/^/== it said: /'
    echo "== $name failed with $(free_gigabytes) GB of disk free: $*"
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
