"""The client of a request."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Client:
    """The client of a request: what the rules and the audit log need to know about it."""

    ip_address: str = ""
    user_agent: str = ""
    # By which accounts know the device: one secret for each account it signed in to before.
    devices: tuple[str, ...] = ()
    # The request's ID in the log.
    request_id: str | None = None
