"""A job that reports by `healthchecks-io` and by `healthchecks-wrapper`, both from PyPI: only the addresses are others.

`python.py PACKAGES ADDRESS KEY`; it fails where it is told something else than it expects. What is not tried: its flips,
which it reads as an array, where Healthchecks answers with an object.
"""

import sys

sys.path.insert(0, sys.argv.pop(1))

from healthchecks_io import CheckCreate, CheckTrap, CheckUpdate, Client
from healthchecks_io.client.exceptions import CheckNotFoundError, HCAPIAuthError
from healthchecks_wrapper import HealthCheck

address, key = sys.argv[1:]
for version in (1, 2, 3):
    with Client(api_key=key, ping_key=key, api_url=f"{address}/api/", ping_url=f"{address}/ping/",
                api_version=version) as client:
        check = client.create_check(CheckCreate(name=f"Python Job {version}", tags="python prod", timeout=3600, desc="nightly"))
        assert (check.status, check.n_pings, check.slug) == ("new", 0, f"python-job-{version}"), check
        for ping, says in ((client.start_ping, b""), (client.success_ping, b"done"), (client.fail_ping, b"disk full")):
            assert ping(uuid=check.uuid, data=says.decode()) == (True, "OK")
        assert client.exit_code_ping(exit_code=0, slug=check.slug) == (True, "OK")
        seen = client.get_check(check.uuid)
        assert (seen.status, seen.n_pings) == ("up", 4), seen
        assert [one.uuid for one in client.get_checks(tags=["python"])] == [check.uuid]
        pings = client.get_check_pings(check.uuid)
        assert [ping.type for ping in pings] == ["success", "fail", "success", "start"], pings
        assert [ping.number_of_pings for ping in pings] == [4, 3, 2, 1], pings
        assert client.update_check(check.uuid, CheckUpdate(name="Renamed", schedule="0 3 * * *", tz="Europe/Riga")).name == "Renamed"
        assert client.pause_check(check.uuid).status == "paused"
        with CheckTrap(client, uuid=check.uuid):
            pass
        assert client.get_check(check.uuid).status in ("up", "started")
        assert client.get_integrations() == [] and {"*", "python"} <= set(client.get_badges())
        with HealthCheck(check.ping_url):
            pass
        try:
            with HealthCheck(check.ping_url):
                raise RuntimeError("disk full")
        except RuntimeError:
            pass
        assert client.get_check(check.uuid).status == "down"
        assert client.delete_check(check.uuid).name == "Renamed"
        for refused, error in ((lambda: client.get_check(check.uuid), CheckNotFoundError),
                               (lambda: client.success_ping(slug="nobody"), CheckNotFoundError)):
            try:
                refused()
                raise SystemExit(f"{error} was expected")
            except error:
                pass
with Client(api_key="x" * 32, api_url=f"{address}/api/") as stranger:
    try:
        stranger.get_checks()
        raise SystemExit("a stranger got in")
    except HCAPIAuthError:
        print("healthchecks-io, healthchecks-wrapper (PyPI): all well")
