"""Serves ministack on a loopback port, and is gone when its parent is.

It speaks as tools/ddb-local does: one line with its URL on stdout once it accepts connections, then it serves until its
stdin ends. Ministack's own command writes a pid file and wants a port that is known beforehand; this takes whichever is
free, without a race.

Run it as `python3 -I -S tools/ministack.py target/tools/ministack`: without the packages of the machine, so that it is
the same server everywhere, and never one that finds Docker. It is DynamoDB alone, unless a list of services follows, as
in `dynamodb,lambda,ssm`. Functions run as processes of their own, which end with it.
"""

import asyncio
import os
import socket
import sys
import threading


def main():
    if len(sys.argv) not in (2, 3) or not os.path.isdir(sys.argv[1]):
        sys.exit("usage: python3 -I -S ministack.py FOLDER-WITH-THE-PACKAGES [SERVICE,...] < PIPE")
    sys.path.insert(0, sys.argv[1])
    services = sys.argv[2].split(",") if len(sys.argv) == 3 else ["dynamodb"]
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listener.getsockname()[1]
    configure(port, services)

    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app

    load(app, services)
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 600
    config.graceful_timeout = 0
    config.errorlog = None
    asyncio.run(serve(announced(app.app, port), config, shutdown_trigger=stdin_end_trigger()))


def configure(port, services):
    """Ministack reads its settings while it is imported; nothing of ours or of the machine reaches it otherwise."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    os.environ.clear()
    os.environ.update(
        keep,
        GATEWAY_PORT=str(port),
        SERVICES=",".join(services),
        LOG_LEVEL="ERROR",
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        DOCKER_HOST="unix:///nowhere/docker.sock",
    )


def load(app, services):
    """Loads what will be asked for, before the first request, which would wait for it."""
    import importlib

    unknown = [service for service in services if service not in app.SERVICE_REGISTRY]
    if unknown:
        sys.exit(f"ministack knows no service {', '.join(unknown)}")
    for service in services:
        module = importlib.import_module(f"ministack.services.{app.SERVICE_REGISTRY[service]['module']}")
        if service == "scheduler":
            # Seconds between its looks at what is due; its own 10 would be waited for.
            module._SCHEDULE_TICK_INTERVAL = 1


def announced(app, port):
    """The application, which says on stdout where it is as soon as it has started."""

    async def announcing(scope, receive, send):
        async def watching(message):
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                print(f"http://127.0.0.1:{port}", flush=True)

        await app(scope, receive, watching if scope["type"] == "lifespan" else send)

    return announcing


def stdin_end_trigger():
    def wait_for_the_end():
        while os.read(0, 256):
            pass
        end_functions()
        # At once: it keeps nothing, and nobody is left to read an answer.
        os._exit(0)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    return asyncio.Event().wait


def end_functions():
    """Ends the processes of functions, and removes what was unpacked for them."""
    runtime = sys.modules.get("ministack.core.lambda_runtime")
    functions = sys.modules.get("ministack.services.lambda_svc")
    if runtime is None or functions is None:
        return
    import shutil

    for worker in [worker for workers in list(runtime._workers.values()) for worker in workers]:
        if worker._proc is not None:
            worker._proc.kill()
    shutil.rmtree(functions._PROVIDED_CODE_CACHE, ignore_errors=True)


main()
