"""A virtual authenticator for Chromium (CDP, domain WebAuthn)."""

from typing import Any

from tests.browser.chromium import Visitor

# The password manager of the device: it stores passkeys, and verifies its owner.
OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}

AGREE = """
    const get = navigator.credentials.get.bind(navigator.credentials);
    navigator.credentials.get = async (options) => {
        if (options.mediation === "conditional") window.waits = true;
        else await window.agree();
        return get(options);
    };
"""


class Authenticator:
    """The authenticator of a visitor's browser."""

    def __init__(self, visitor: Visitor) -> None:
        self._page = visitor.page
        self._session = visitor.context.new_cdp_session(visitor.page)
        self._session.send("WebAuthn.enable", {"enableUI": False})
        added = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})
        self._id = added["authenticatorId"]

    def passkeys(self) -> list[dict[str, Any]]:
        """Return what it stores."""
        found = self._send("getCredentials")["credentials"]
        return list(found)

    def wait_for(self, *names: str) -> None:
        """Wait until it stores passkeys for these names of accounts, and no others."""
        for _ in range(100):
            if [each["userName"] for each in self.passkeys()] == list(names):
                return
            self._page.wait_for_timeout(100)
        raise TimeoutError(f"it stores {self.passkeys()}")

    def offer(self, at_once: bool) -> None:
        """Set whether its owner always agrees or never does."""
        self._send("setAutomaticPresenceSimulation", enabled=at_once)

    def offer_to_buttons(self) -> None:
        """Have its owner agree only to what was asked for by a button, on pages opened from now on."""
        self.offer(at_once=False)
        self._page.expose_function("agree", lambda: self.offer(at_once=True))
        self._page.add_init_script(AGREE)

    def lie(self, **bits: bool) -> None:
        """Set what is wrong with its responses from now on."""
        self._send("setResponseOverrideBits", **bits)

    def take_away(self) -> None:
        """Have the browser without it from now on."""
        self._send("removeVirtualAuthenticator")

    def _send(self, method: str, **values: Any) -> Any:
        return self._session.send(f"WebAuthn.{method}", {"authenticatorId": self._id, **values})
