# `just` alone lists these. None is needed to build or to test: each is one command that you can type.

# list the recipes
_default:
    @just --list --unsorted

# type-check everything, in seconds
check:
    cargo check --workspace --all-targets --locked

# every check and every test, as CI runs them
test:
    ./scripts/test.sh

# the checks that run none of our code: format, dependencies, clippy, docs
lint:
    ./scripts/test.sh lint

# format everything
fmt:
    cargo fmt --all

# API and checker in one process on 127.0.0.1:3000; `just serve --help` tells its settings
serve *ARGS:
    cargo run --release -- serve {{ ARGS }}

# the simulator over many seeds; a seed that fails prints its number, `--seed N` replays it;
# `just simulate 1 --plan month` is 2,000 monitors over 30 days
simulate SEEDS='10000' *ARGS:
    cargo run --release -p heartbeat-proof --bin simulate -- --seeds {{ SEEDS }} {{ ARGS }}

# the simulator over the DynamoDB store, on dynoxide: `--seeds 100`, or `--seed N` to replay one
simulate-dynamo *ARGS:
    cargo run --release -p heartbeat-proof --bin simulate -- --store dynamo {{ ARGS }}

# measure the speed on this machine and write docs/benchmarks.md
bench *ARGS:
    cargo run --release -p heartbeat-bench -- {{ ARGS }}

# what it costs and what to switch when, from the model and the simulation: write docs/scale.md
scale:
    cargo run --release -p heartbeat-scale
