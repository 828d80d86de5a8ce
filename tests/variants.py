"""The list of variants."""

from dataclasses import dataclass
from itertools import product

URLS = {
    "sqlite": "sqlite:///app.db",
    "postgresql": "postgresql://app:pass%40word@127.0.0.1/app",
    "mysql": "mysql://app:pass%40word@127.0.0.1/app",
}


@dataclass(frozen=True)
class Variant:
    """One combination of the answers that decide what is rendered."""

    interface: str
    downloads: bool
    backend: str

    @property
    def web(self) -> bool:
        """Whether it has pages."""
        return self.interface != "api"

    @property
    def api(self) -> bool:
        """Whether it has a JSON API."""
        return self.interface != "html"

    @property
    def answers(self) -> dict[str, str]:
        """What a person would answer to get it."""
        return {
            "project_slug": f"app-{self}",
            "interface": self.interface,
            "file_download": "yes" if self.downloads else "no",
            "database_url": URLS[self.backend],
        }

    def __str__(self) -> str:
        downloads = "-downloads" if self.downloads else ""
        return f"{self.interface}{downloads}-{self.backend}"


VARIANTS = [Variant(*answers) for answers in product(("both", "html", "api"), (True, False), URLS)]
EVERYTHING = VARIANTS[0]
