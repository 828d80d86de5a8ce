"""Files for signed-in people: one folder, a page and an API resource."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Add the routes for each face of the app."""
    #: if cookiecutter.interface != "api"
    from app.downloads import pages

    pages.init_app(app)
    #: endif
    #: if cookiecutter.interface != "html"
    from app.downloads import resources

    resources.init_app(app)
    #: endif
