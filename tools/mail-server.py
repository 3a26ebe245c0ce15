"""Serves SMTP on a loopback port by aiosmtpd, with TLS and a password, and prints what it takes as Python reads it.

It is held as tools/ministack.py is: one line with its port on stdout once it accepts connections, then it serves until its
stdin ends. Each message that it takes is one line of JSON on stdout before the client hears that it was taken.

Run it as `python3 -I -S tools/mail-server.py FOLDER starttls|implicit CERTIFICATE KEY USER PASSWORD`, where FOLDER is
target/tools/receivers: without the packages of the machine, so that it is the same server everywhere.
"""

import asyncio
import email
import email.policy
import json
import socket
import ssl
import sys
import threading


def main():
    if len(sys.argv) != 7 or sys.argv[2] not in ("starttls", "implicit"):
        sys.exit("usage: python3 -I -S mail-server.py FOLDER starttls|implicit CERTIFICATE KEY USER PASSWORD < PIPE")
    folder, mode, certificate, key, user, password = sys.argv[1:]
    sys.path.insert(0, folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    asyncio.run(serve(mode, context, user, password))


async def serve(mode, context, user, password):
    from aiosmtpd.smtp import SMTP, AuthResult

    def authenticate(server, session, envelope, mechanism, auth_data):
        known = (auth_data.login, auth_data.password) == (user.encode(), password.encode())
        return AuthResult(success=known, handled=False)

    def session():
        wanted = {"authenticator": authenticate, "auth_required": True, "hostname": "mail.example.org"}
        if mode == "starttls":
            return SMTP(Printer(), require_starttls=True, tls_context=context, **wanted)
        # The connection is encrypted before aiosmtpd sees it, which it does not know.
        return SMTP(Printer(), auth_require_tls=False, **wanted)

    loop = asyncio.get_running_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    server = await loop.create_server(session, sock=listener, ssl=context if mode == "implicit" else None)
    say(str(listener.getsockname()[1]))
    async with server:
        await stdin_end(loop)


class Printer:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say(
            json.dumps(
                {
                    "encrypted": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
                    "hello": session.host_name,
                    "mail_from": envelope.mail_from,
                    "rcpt_tos": envelope.rcpt_tos,
                    "headers": {name.lower(): str(value) for name, value in mail.items()},
                    "defects": [repr(defect) for part in mail.walk() for defect in part.defects],
                    "parts": [[part.get_content_type(), part.get_content()] for part in mail.iter_parts()],
                }
            )
        )
        return "250 taken"


def say(line):
    print(line, flush=True)


async def stdin_end(loop):
    ended = asyncio.Event()
    waiting = threading.Thread(
        target=lambda: (sys.stdin.buffer.read(), loop.call_soon_threadsafe(ended.set)), daemon=True
    )
    waiting.start()
    await ended.wait()


if __name__ == "__main__":
    main()
