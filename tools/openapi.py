"""Calls a running API with what its own OpenAPI document allows, and with what it does not, by code that no one here wrote.

    python3 -I -S openapi.py PACKAGES ADDRESS KEY EXAMPLES

The document is valid OpenAPI 3.1, and the answers are as schemathesis.toml demands. Each second call is about what is there.
Each request comes from an address of its own (the API trusts one proxy), or the limits of calls would answer most of them.
"""

import itertools
import json
import pathlib
import sys
import urllib.request

packages, address, key, examples = sys.argv[1:]
sys.path.insert(0, packages)

import schemathesis  # noqa: E402
from openapi_spec_validator import OpenAPIV31SpecValidator  # noqa: E402
from schemathesis.cli import schemathesis as program  # noqa: E402

# What is there, by the parameter that names it; what is deleted is taken from elsewhere.
known = {
    "slug": ["kept-1", "kept-2"],
    "name": ["ops", "pager"],
    "signal": ["start", "fail", "log", "3"],
    "n": ["2", "3"],
    "file": ["swagger-ui.css", "swagger-initializer.js"],
}
doomed = {"slug": [f"doomed-{n}" for n in range(20)], "name": [f"doomed-{n}" for n in range(5)]}
calls = itertools.count(1)


def ask(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data=data, method=method)
    request.add_header("Authorization", f"Bearer {key}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def prepare():
    document = ask("GET", "/api/openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    for name in known["name"] + doomed["name"]:
        ask("POST", "/api/v1/channels", {"name": name, "kind": "webhook", "config": {"url": f"{address}/healthz"}})
    for there in (known, doomed):
        uuids = [ask("POST", "/api/v1/monitors", {"slug": slug, "interval": "5m"})["uuid"] for slug in there["slug"]]
        there.update(uuid=uuids, id=uuids, token=uuids)
    known.update(key=[key])
    pings = [{"slug": slug, "signal": signal, "body": "done"} for slug in known["slug"] for signal in ("start", "success", "fail")]
    assert ask("POST", "/api/v1/heartbeats", {"pings": pings})["recorded"] == len(pings)
    return len(document["paths"])


# Each second call is about what is there, and asks for all of it: what is made up is nearly always refused.
@schemathesis.hook
def before_call(context, case, kwargs):
    n = next(calls)
    case.headers["X-Forwarded-For"] = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
    parameters = case.path_parameters or {}
    if case.method == "DELETE":
        for name in doomed.keys() & parameters.keys():
            if n % 2 or parameters[name] in known[name]:
                parameters[name] = doomed[name][n // 2 % len(doomed[name])]
    if n % 2 or case.method == "DELETE":
        return
    for name in known.keys() & parameters.keys():
        parameters[name] = known[name][n // 2 % len(known[name])]
    if case.method == "GET":
        case.query = {"channel": "ops"} if case.path == "/api/v1/deliveries" else {}


print(f"{prepare()} paths")
program.main(
    [
        "--config-file", str(pathlib.Path(__file__).with_name("schemathesis.toml")),
        "run",
        f"{address}/api/openapi.json",
        "--header", f"Authorization: Bearer {key}",
        "--header", f"X-Api-Key: {key}",
        "--phases", "examples,coverage,fuzzing",
        "--max-examples", examples,
        "--seed", "1",
        "--generation-database", "none",
        "--suppress-health-check", "all",
        "--warnings", "off",
        "--continue-on-failure",
        "--max-redirects", "0",
        "--request-timeout", "20",
        "--no-color",
    ],
)
