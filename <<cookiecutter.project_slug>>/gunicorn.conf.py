"""How the production server runs: `gunicorn wsgi:app`. Command-line options override it."""

import os

# Load the app once, before the workers start: a wrong setting is one line, not one for each.
preload_app = True
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
# Seconds that requests in flight, and mails in the queue, have to finish after SIGTERM.
graceful_timeout = 30
