"""Verifies webhooks by the published library of Standard Webhooks.

Each line of its stdin is one request as JSON: `{"secret": ..., "headers": {...}, "body": ...}`; each line of its stdout says
what the library makes of it: `{"payload": ...}` or `{"error": ...}`. It ends with its stdin.

Run it as `python3 -I -S tools/webhook-receiver.py FOLDER`, where FOLDER is target/tools/receivers.
"""

import json
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python3 -I -S webhook-receiver.py FOLDER < REQUESTS")
    sys.path.insert(0, sys.argv[1])
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    for line in sys.stdin:
        request = json.loads(line)
        try:
            said = {"payload": Webhook(request["secret"]).verify(request["body"], request["headers"])}
        except WebhookVerificationError as error:
            said = {"error": str(error)}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
