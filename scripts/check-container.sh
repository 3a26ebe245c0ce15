#!/usr/bin/env bash
# The container without an engine: lints Containerfile and manifest, carries out the Containerfile's steps in a plain
# folder, and runs what comes of them in a chroot, as the user that the Containerfile names.
#
#   scripts/check-container.sh                  builds heartbeat-api as the Containerfile does: minutes
#   scripts/check-container.sh --binary FILE    takes one that was built, on this machine or for it: seconds
#   scripts/check-container.sh --lint           runs nothing
#
# What the last stage copies, sets and starts is read from the Containerfile; an instruction that is not understood
# here fails. Needs Linux, Python 3.11, gcc, ca-certificates, and to be root or to be allowed user namespaces.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/tools.sh
source scripts/tools.sh

# Schemas of these versions: one that is widely run, and the newest that is known.
kubernetes_versions=(1.30 1.37)
scratch=$(mktemp -d)
trap stop_and_clean_up EXIT
server=
# What the image says of itself.
user='' entrypoint=() health=() variables=()

main() {
  local binary=
  case ${1:-} in
    '') ;;
    --lint) ;;
    --binary)
      [[ -f ${2:-} ]] || fail "--binary needs a file, and ${2:-nothing} is none"
      binary=$(realpath "$2")
      ;;
    *) fail "unknown: $1 (the head of this script says what there is)" ;;
  esac
  install_container_checks >/dev/null
  check 'Containerfile: hadolint' "$container_checks_dir/bin/hadolint" --failure-threshold style Containerfile
  local version
  for version in "${kubernetes_versions[@]}"; do
    check "manifest: the schemas of Kubernetes $version" with_packages -m kubernetes_validate \
      --strict --quiet --kubernetes-version "$version" deploy/kubernetes.yaml
  done
  check 'manifest: fits image and program' with_packages - deploy/kubernetes.yaml <<<"$fits"
  [[ ${1:-} != --lint ]] || return 0
  check 'context: what .containerignore lets in is a workspace' lay_out_context
  check 'build stage' run_build_stage "$binary"
  check 'last stage' run_last_stage
  check 'root folder: nothing that others may write' nothing_is_writable
  read_image
  start_server
  check 'starts, and says that it lives' answers_in_time
  check 'health check: healthy' in_image "${health[@]}"
  check 'readiness: not without its tables, and says why' refuses_without_tables
  check 'runs as the user of the image' runs_as_user
  stop_server
  check 'ends by SIGTERM, in good order' ended_well
  check 'health check: not healthy any more' not in_image "${health[@]}"
  check 'wrote nothing' wrote_nothing
  du -sk "$scratch/root" | awk '{ printf "the image holds %.1f MiB\n", $1 / 1024 }'
}

with_packages() {
  PYTHONPATH="$container_checks_dir" python3 "$@"
}

# What no schema knows: that manifest, Containerfile and program speak of the same things.
fits=$(cat <<'EOF'
import re, sys, yaml

sys.excepthook = lambda kind, problem, trace: print(f"{kind.__name__}: {problem}")
text = open("Containerfile").read()
def of_image(instruction):
    return re.search(rf"^{instruction} (\S+)", text, re.M).group(1)

resources = [resource for resource in yaml.safe_load_all(open(sys.argv[1])) if resource]
kinds = {resource["kind"]: resource for resource in resources}
assert len(kinds) == len(resources), "a kind is there twice, and this check knows one of each"
deployment = kinds["Deployment"]["spec"]
pod = deployment["template"]["spec"]
labels = deployment["template"]["metadata"]["labels"]
container, = pod["containers"]
port, = container["ports"]
user, group = map(int, of_image("USER").split(":"))

def same(what, ours, other):
    assert ours == other, f"{what}: {ours!r} here, {other!r} there"

same("user", pod["securityContext"]["runAsUser"], user)
same("group", pod["securityContext"]["runAsGroup"], group)
same("port", port["containerPort"], int(of_image("EXPOSE")))
for probe, path in ("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz"):
    same(probe, container[probe]["httpGet"], {"path": path, "port": port["name"]})
same("target port", kinds["Service"]["spec"]["ports"][0]["targetPort"], port["name"])
for kind, selector in (
    ("Service", kinds["Service"]["spec"]["selector"]),
    ("Deployment", deployment["selector"]["matchLabels"]),
    ("PodDisruptionBudget", kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]),
    ("NetworkPolicy", kinds["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]),
    ("spread", pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]),
):
    assert selector.items() <= labels.items(), f"{kind} selects {selector}, and the pods have {labels}"
sources = [(kind, source[kind]["name"]) for source in container["envFrom"] for kind in source]
same("settings", sources[0], ("configMapRef", kinds["ConfigMap"]["metadata"]["name"]))

known = set(re.findall(r'"([A-Z][A-Z_]+)"', open("crates/heartbeat/src/variables.rs").read()))
unknown = set(kinds["ConfigMap"]["data"]) - known
assert not unknown, f"no variable of the program: {sorted(unknown)}"
drain = int(re.search(r"drain: Duration::from_secs\((\d+)\)", open("crates/heartbeat-api/src/serve.rs").read()).group(1))
pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
grace = pod["terminationGracePeriodSeconds"]
assert grace >= drain + pause + 5, f"{grace} s until a kill, and a pause of {pause} s and {drain} s to finish in"
EOF
)

# What an engine would send: by the rules of .containerignore, where the last pattern that matches decides.
lay_out_context() {
  mkdir "$scratch/context"
  python3 - "$scratch/context" <<'EOF'
import os, re, shutil, sys

def rule(line):
    pattern = line.lstrip("!").strip("/")
    regex = "/".join(".*" if part == "**" else re.escape(part).replace(r"\*", "[^/]*") for part in pattern.split("/"))
    return not line.startswith("!"), re.compile(regex + "(/.*)?$")

lines = open(".containerignore").read().splitlines()
rules = [rule(line) for line in lines if line and not line.startswith("#")]
for folder, folders, files in os.walk("."):
    folders[:] = [name for name in folders if name not in (".git", "target")]
    for path in (os.path.relpath(os.path.join(folder, name)) for name in files):
        matching = [ignored for ignored, regex in rules if regex.match(path)]
        if matching and matching[-1]:
            continue
        os.makedirs(os.path.join(sys.argv[1], os.path.dirname(path)), exist_ok=True)
        shutil.copy(path, os.path.join(sys.argv[1], path))
EOF
  (cd "$scratch/context" && cargo metadata --locked --format-version 1 >/dev/null)
}

run_build_stage() {
  local binary=$1 folder arch
  # shellcheck disable=SC2016
  folder=$(sed -n 's|^ *scripts/container-root.sh "$TARGETARCH" \(/[^ ]*\)$|\1|p' Containerfile)
  [[ -n $folder ]] || fail "the Containerfile does not run scripts/container-root.sh as this check knows it"
  case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) fail "there is no image for $(uname -m)" ;;
  esac
  export CARGO_TARGET_DIR="${tools_dir%/tools}"
  "$scratch/context/scripts/container-root.sh" "$arch" "$scratch/stage$folder" ${binary:+"$binary"}
}

# Everything from the last FROM on, an instruction a line, fields split by tabs.
last_stage() {
  python3 - <<'EOF'
import json, re

text = re.sub(r"\\\n\s*", " ", open("Containerfile").read())
lines = [line for line in text.splitlines() if line and not line.startswith("#")]
start = max(number for number, line in enumerate(lines) if line.startswith("FROM "))
for line in lines[start:]:
    name, rest = line.split(None, 1)
    if name in ("ENTRYPOINT", "CMD"):
        print(name, *json.loads(rest), sep="\t")
    elif name == "HEALTHCHECK":
        print(name, *json.loads(rest.split("CMD", 1)[1]), sep="\t")
    elif name in ("ARG", "LABEL"):
        pass
    else:
        print(name, *rest.split(), sep="\t")
EOF
}

run_last_stage() {
  mkdir "$scratch/root"
  local fields
  while IFS=$'\t' read -r -a fields; do
    case ${fields[0]} in
      FROM) [[ ${fields[1]} == scratch ]] || fail "the last stage is not from scratch: ${fields[1]}" ;;
      COPY)
        [[ ${#fields[@]} == 4 && ${fields[1]} == --from=build ]] || fail "not understood: ${fields[*]}"
        cp -a "$scratch/stage${fields[2]}/." "$scratch/root${fields[3]}"
        ;;
      USER | EXPOSE | ENTRYPOINT | HEALTHCHECK | ENV) ;;
      *) fail "an instruction that this check does not know: ${fields[*]}" ;;
    esac
  done < <(last_stage)
  # Nobody but the owner gets into what mktemp makes.
  chmod 0755 "$scratch" "$scratch/root"
}

# What the image says of itself. Not in `check`, whose subshell would forget it.
read_image() {
  local fields
  while IFS=$'\t' read -r -a fields; do
    case ${fields[0]} in
      USER) user=${fields[1]} ;;
      ENTRYPOINT) entrypoint=("${fields[@]:1}") ;;
      HEALTHCHECK) health=("${fields[@]:1}") ;;
      ENV) variables+=("${fields[@]:1}") ;;
    esac
  done < <(last_stage)
}

nothing_is_writable() {
  local found
  found=$(find "$scratch/root" -mindepth 1 ! -type l -perm /022)
  [[ -z $found ]] || fail "others may write: $found"
}

# inside COMMAND...: as an array, what runs it in the root folder, as the image's user, with its variables and the test's.
inside() {
  command=(env --ignore-environment PATH="$PATH" ${variables[@]+"${variables[@]}"} BIND_ADDR="0.0.0.0:$port"
    AWS_REGION=eu-north-1 AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=nothing
    AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:9)
  if [[ $(id -u) == 0 ]]; then
    command+=(chroot --userspec="$user" "$scratch/root" "$@")
  else
    command+=(unshare --user --map-user="${user%:*}" --map-group="${user#*:}" --root="$scratch/root" --wd=/ "$@")
  fi
}

in_image() {
  local command
  inside "$@"
  "${command[@]}"
}

# In this shell, which is told how it ends. Any port that is free: that of the image may be taken here.
start_server() {
  local command
  port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
  touch "$scratch/started"
  inside "${entrypoint[@]}"
  "${command[@]}" >"$scratch/said" 2>&1 &
  server=$!
}

answers_in_time() {
  local try
  for try in {1..300}; do
    ! answer /healthz || return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "it did not answer at port $port ($try tries), and said:"
  cat "$scratch/said"
  return 1
}

stop_server() {
  local _
  kill -TERM "$server" || true
  for _ in {1..150}; do
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  # What still runs has ended badly.
  kill -KILL "$server" 2>/dev/null || true
  ended=0
  wait "$server" 2>/dev/null || ended=$?
  server=
}

ended_well() {
  cat "$scratch/said"
  [[ $ended == 0 ]] || fail "exit code $ended, 137 where it did not end in 15 s"
}

# answer PATH [STATUS]: whether that is what the API says there; prints the body.
answer() {
  python3 - "http://127.0.0.1:$port$1" "${2:-200}" <<'EOF'
import sys, urllib.error, urllib.request

url, wanted = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    answer = opener.open(url, timeout=5)
except urllib.error.HTTPError as refusal:
    answer = refusal
except OSError as problem:
    sys.exit(f"{url}: {problem}")
print(answer.status, answer.read().decode())
sys.exit(answer.status != int(wanted))
EOF
}

refuses_without_tables() {
  answer /readyz 503 | tee "$scratch/readyz"
  grep -q AWS_ENDPOINT_URL_DYNAMODB "$scratch/readyz"
}

runs_as_user() {
  local expected=${user%:*}
  # In a user namespace the kernel still says who it is outside.
  [[ $(id -u) == 0 ]] || expected=$(id -u)
  grep -E "^Uid:(\s+$expected){4}$" "/proc/$server/status"
}

wrote_nothing() {
  local found
  found=$(find "$scratch/root" -newer "$scratch/started")
  [[ -z $found ]] || fail "it wrote: $found"
}

not() {
  ! "$@"
}

# check NAME COMMAND...: a line when it passes; when it does not, what it said, and the end.
check() {
  local name=$1 status=0
  shift
  # In a subshell of its own and outside of any condition, or `set -e` would not hold inside a function.
  set +e
  (set -e; "$@") >"$scratch/log" 2>&1
  status=$?
  set -e
  if [[ $status != 0 ]]; then
    echo "FAILED: $name"
    cat "$scratch/log"
    exit 1
  fi
  echo "ok: $name"
}

stop_and_clean_up() {
  if [[ -n $server ]]; then
    kill -KILL "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}

main "$@"
