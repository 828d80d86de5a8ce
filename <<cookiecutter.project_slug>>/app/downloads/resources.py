"""The files in the API."""

from typing import Annotated

from flask import Flask, Response, url_for
from pydantic import BaseModel, Field

from app.api import problems
from app.api.operations import OperationsBlueprint
from app.api.schemas import Moment
from app.downloads import files

Filename = Annotated[
    str,
    Field(description="The `name` of a file; its slashes stay slashes.", examples=["welcome.txt"]),
]

# By the file's name it may be any type; most generators of clients know but the first.
BYTES = {"schema": {"type": "string", "format": "binary"}}
CONTENT = {"application/octet-stream": BYTES, "*/*": BYTES}
FILE_ANSWERS = {
    "200": {"description": "The file", "content": CONTENT},
    "206": {"description": "A part of the file", "content": CONTENT},
    "304": {"description": "Not Modified"},
    "416": {
        "description": "The file has no such range.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}

operations = OperationsBlueprint("Downloads", __name__)


class File(BaseModel):
    """A file that may be downloaded."""

    name: Annotated[str, Field(examples=["welcome.txt"])]
    size: Annotated[int, Field(description="In bytes.", examples=[163])]
    modified_at: Moment
    url: Annotated[str, Field(examples=["/api/v1/downloads/welcome.txt"])]


class Files(BaseModel):
    """All files, by name."""

    files: list[File]


def init_app(app: Flask) -> None:
    """Add the operations."""
    app.register_blueprint(operations)


@operations.operation("GET", "/downloads")
def list_files() -> Files:
    """List the files."""
    return Files(
        files=[
            File(
                name=file.name,
                size=file.size,
                modified_at=file.modified_at,
                url=url_for(".download_file", filename=file.name),
            )
            for file in files.listing()
        ]
    )


@operations.operation("GET", "/downloads/<path:filename>", answers=FILE_ANSWERS)
def download_file(filename: Filename) -> Response:
    """Download a file.

    `Range` asks for a part of it, `If-None-Match` whether it is still the same.
    """
    return files.send(filename)
