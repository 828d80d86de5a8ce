"""Ids in paths."""

from werkzeug.routing import BaseConverter


class IdConverter(BaseConverter):
    """Any id in a path except the names of other resources at the same place."""

    regex = "(?!(?:factor|options|passkey)$)[^/]+"
    part_isolating = True  # it takes one part of the path
