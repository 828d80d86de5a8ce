"""The entry for servers: `gunicorn wsgi:app`, and what the `flask` command finds by itself."""

import atexit
import gc
import sys

# Next to nothing of what starts the app is garbage. To look for it, now or later, takes a sixth of
# the time.
gc.disable()

from app import create_app  # noqa: E402
from app.config import ConfigurationError  # noqa: E402

# Gunicorn's APP_LOAD_ERROR: with it the whole server stops instead of restarting workers.
APP_LOAD_ERROR = 4

try:
    app = create_app()
except ConfigurationError as error:
    print(f"Configuration error: {error}", file=sys.stderr)
    sys.exit(APP_LOAD_ERROR)
finally:
    gc.freeze()
    atexit.register(gc.unfreeze)  # else open connections would not be closed at the end
    gc.enable()
