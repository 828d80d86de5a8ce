"""The entry for servers: `gunicorn wsgi:app`, and what the `flask` command finds by itself."""

import sys

from app import create_app
from app.config import ConfigurationError

# Gunicorn's APP_LOAD_ERROR: with it the whole server stops instead of restarting workers.
APP_LOAD_ERROR = 4

try:
    app = create_app()
except ConfigurationError as error:
    print(f"Configuration error: {error}", file=sys.stderr)
    sys.exit(APP_LOAD_ERROR)
