"""Tell whether the server in this container can serve: `python healthcheck.py [ADDRESS]`.

It imports nothing of the app, so that asking often costs little.
"""

import sys
from http.client import HTTPException
from urllib.request import urlopen

ADDRESS = "http://127.0.0.1:8000"
SECONDS = 5


def main() -> int:
    """Ask, and return the exit status."""
    address = sys.argv[1] if len(sys.argv) > 1 else ADDRESS
    try:
        urlopen(f"{address}/healthz", timeout=SECONDS).close()  # noqa: S310 - over http
    except (OSError, HTTPException, ValueError) as error:
        print(f"Not healthy: {str(error).strip()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
