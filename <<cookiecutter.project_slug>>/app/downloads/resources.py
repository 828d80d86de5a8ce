"""The API operations of downloads."""

from typing import Annotated

from flask import Flask, Response, url_for
from pydantic import BaseModel, ConfigDict, Field

from app.api import problems
from app.api.operations import OperationsBlueprint
from app.api.schemas import Moment
from app.downloads import files, sending

Filename = Annotated[
    str,
    Field(description="The `name` of a file. Don't encode its slashes.", examples=["welcome.txt"]),
]

# By the file's name it may be any type; most generators of clients know but the first.
BYTES = {"schema": {"type": "string", "format": "binary"}}
CONTENT = {"application/octet-stream": BYTES, "*/*": BYTES}
FILE_ANSWERS = {
    "200": {"description": "The file", "content": CONTENT},
    "206": {"description": "Part of the file", "content": CONTENT},
    "304": {"description": "Not Modified"},
    "412": {
        "description": "`If-Match` names another file.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
    "416": {
        "description": "The file doesn't have this range.",
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    },
}

operations = OperationsBlueprint("Downloads", __name__)


class File(BaseModel):
    """A file to download."""

    name: Annotated[str, Field(examples=["welcome.txt"])]
    size: Annotated[int, Field(description="In bytes.", examples=[163])]
    modified_at: Moment
    url: Annotated[str, Field(examples=["/api/v1/downloads/welcome.txt"])]


class Files(BaseModel):
    """Files, sorted by name."""

    files: list[File]
    next: Annotated[
        str,
        Field(
            description="The URL of the files that follow. There is none at the end.",
            examples=["/api/v1/downloads?after=welcome.txt&limit=100"],
            exclude_if=lambda url: not url,
            json_schema_extra=lambda schema: schema.pop("default"),
        ),
    ] = ""


class Paging(BaseModel):
    """Which of the files to list."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[
        int, Field(description="The largest number of files to return, 1 to 1,000.", ge=1, le=1000)
    ] = 100
    after: Annotated[str, Field(description="List the files whose names sort after this one.")] = ""


def init_app(app: Flask) -> None:
    """Add the operations."""
    app.register_blueprint(operations)


@operations.operation("GET", "/downloads")
def list_files(query: Paging) -> Files:
    """List the files.

    One response holds up to `limit` of them; `next` is the URL of the files that follow.
    """
    names = [name for name in files.names() if name > query.after]
    page, rest = names[: query.limit], names[query.limit :]
    following = url_for(".list_files", after=page[-1], limit=query.limit) if rest else ""
    return Files(files=[_described(file) for file in files.existing(page)], next=following)


@operations.operation("GET", "/downloads/<path:filename>", answers=FILE_ANSWERS)
def download_file(filename: Filename) -> Response:
    """Download a file.

    Use `Range` to request a part of it, and `If-None-Match` to check whether it changed.
    """
    return sending.send(filename)


def _described(file: files.File) -> File:
    return File(
        name=file.name,
        size=file.size,
        modified_at=file.modified_at,
        url=url_for(".download_file", filename=file.name),
    )
