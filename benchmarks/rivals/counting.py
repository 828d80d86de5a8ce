"""Any of the apps, which also tells how many SQL statements it has run since it last told."""

import os
from importlib import import_module

from sqlalchemy import Engine, event

found = []
event.listen(Engine, "before_cursor_execute", lambda *arguments: found.append(arguments[2]))
app = import_module(os.environ["COUNTED"]).app
counted = app.wsgi_app


def count(environ, start_response):
    """Serve a request."""
    if environ["PATH_INFO"] != "/statements":
        return counted(environ, start_response)
    body = str(len(found)).encode()
    found.clear()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


app.wsgi_app = count
