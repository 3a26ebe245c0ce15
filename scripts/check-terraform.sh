#!/usr/bin/env bash
# Checks terraform/ without an account: its format, whether it is valid, its tests, and that terraform/tests/plan.json is
# what it plans.
#
#   scripts/check-terraform.sh            exit code 0: all is well; 1: a check failed; 3: not run, and one line why
#   scripts/check-terraform.sh --write    makes terraform/tests/plan.json anew
#
# Needs Terraform 1.11 and Python 3, and the AWS provider's schema: from a folder that HEARTBEAT_TERRAFORM_PLUGINS names (laid
# out as for `terraform init -plugin-dir`; `tfcheck --mirror FOLDER` makes one), else from the public registry. It works in a copy:
# nothing but plan.json is left behind.
set -euo pipefail
cd "$(dirname "$0")/.."

not_run=3
plan=terraform/tests/plan.json
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1

main() {
  case ${1:-} in
    '' | --write) ;;
    *) fail "usage: scripts/check-terraform.sh [--write]" ;;
  esac
  require_programs
  copy
  terraform fmt -check -diff -recursive -no-color terraform || fail "not formatted: run terraform fmt -recursive terraform"
  initialise
  here validate -no-color
  here test -no-color
  describe_plan >"$scratch/plan.json"
  if [[ ${1:-} == --write ]]; then
    cp "$scratch/plan.json" "$plan"
    echo "$plan is written"
  else
    diff -u "$plan" "$scratch/plan.json" || fail "$plan is not what terraform/ plans: run scripts/check-terraform.sh --write, and read what changes"
  fi
}

require_programs() {
  local version
  command -v python3 >/dev/null || skip "python3 is not on the PATH"
  command -v terraform >/dev/null || skip "terraform is not on the PATH"
  version=$(terraform version -json | python3 -c 'import json, sys; print(json.load(sys.stdin)["terraform_version"])')
  [[ $(printf '%s\n' 1.11.0 "$version" | sort -V | head -n 1) == 1.11.0 ]] || skip "terraform is $version, and 1.11 or later is needed"
}

# Of terraform/, without what somebody who deploys from here has in it; and packages, which are asked no more than to exist.
copy() {
  local package
  mkdir "$scratch/terraform"
  tar -C terraform --exclude=.terraform --exclude='*.tfstate*' --exclude='*.auto.tfvars' --exclude=terraform.tfvars -cf - . |
    tar -C "$scratch/terraform" -xf -
  for package in heartbeat-checker heartbeat-api; do
    mkdir -p "$scratch/target/lambda/$package"
    : >"$scratch/target/lambda/$package/bootstrap.zip"
  done
}

here() {
  terraform -chdir="$scratch/terraform" "$@"
}

# A provider that cannot be had says nothing about terraform/; everything else that stops Terraform here does.
initialise() {
  local from=() log="$scratch/init" said
  if [[ -n ${HEARTBEAT_TERRAFORM_PLUGINS:-} ]]; then
    [[ -d $HEARTBEAT_TERRAFORM_PLUGINS ]] || fail "HEARTBEAT_TERRAFORM_PLUGINS names no folder: $HEARTBEAT_TERRAFORM_PLUGINS"
    from=(-plugin-dir="$(cd "$HEARTBEAT_TERRAFORM_PLUGINS" && pwd)")
  fi
  if within 300 terraform -chdir="$scratch/terraform" init -backend=false -no-color "${from[@]}" >"$log" 2>&1; then
    return
  fi
  [[ -s $log ]] || skip "cannot reach the provider: no answer in 300 s"
  # Terraform breaks its lines where it likes.
  said=$(tr -s '\n ' ' ' <"$log")
  if [[ $said == *'no available releases match'* ]]; then
    fail "no provider there fits what terraform/main.tf asks for: ${said#*provider packages }"
  fi
  if [[ $said == *'Failed to query available provider packages '* || $said == *'Failed to install provider '* ]]; then
    said=${said#*Error: }
    skip "cannot reach the provider: ${said%% To see which *}"
  fi
  cat "$log" >&2
  fail "terraform init failed"
}

# The plan of everything, with what is known before anything exists: no value that AWS makes up, no hash of a package, and
# nothing of what a provider's version leaves empty. Secrets are not in a plan.
describe_plan() {
  here test -test-directory=tests/plan -json -verbose >"$scratch/test.json" || {
    cat "$scratch/test.json" >&2
    fail "the plan of everything failed"
  }
  python3 - "$scratch/terraform" "$scratch/test.json" <<'PYTHON'
import hashlib, json, pathlib, sys

folder, test = map(pathlib.Path, sys.argv[1:])
lines = map(json.loads, test.read_text().splitlines())
plan = next(line["test_plan"] for line in lines if line["type"] == "test_plan")


def known(value):
    if isinstance(value, dict):
        value = {name: known(inner) for name, inner in value.items() if name != "source_code_hash"}
        return {name: inner for name, inner in value.items() if inner not in (None, [], {})}
    if isinstance(value, list):
        return [inner for inner in map(known, value) if inner not in (None, [], {})]
    return value


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


resources = [
    {
        "address": change["address"],
        "type": change["type"],
        "name": change["name"],
        "index": change.get("index"),
        "values": known(change["change"]["after"]),
    }
    for change in plan["resource_changes"]
    if change["mode"] == "managed"
]
outputs = {name: known(change.get("after")) for name, change in plan["output_changes"].items()}
sources = sorted(folder.glob("*.tf")) + sorted(folder.glob("tests/plan/*.hcl")) + sorted(folder.glob("tests/mocks/*.hcl"))
described = {
    "sources": {str(file.relative_to(folder)): digest(file) for file in sources},
    "resources": sorted(resources, key=lambda resource: resource["address"]),
    "outputs": {name: value for name, value in sorted(outputs.items()) if value not in (None, [], {})},
}
print(json.dumps(described, indent=2, sort_keys=False, ensure_ascii=False))
PYTHON
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

skip() {
  echo "not run: $1" >&2
  exit "$not_run"
}

fail() {
  echo "$1" >&2
  exit 1
}

main "$@"
