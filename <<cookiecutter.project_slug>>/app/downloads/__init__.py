"""Files for signed-in people: one folder, a page and an API resource."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Add the routes for each interface of the app."""
    from app.downloads import sending

    sending.init_app(app)
    #: if cookiecutter.interface != "api"
    from app.downloads import pages

    pages.init_app(app)
    #: endif
    #: if cookiecutter.interface != "html"
    from app.downloads import resources

    resources.init_app(app)
    #: endif
