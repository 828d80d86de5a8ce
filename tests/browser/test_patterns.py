"""The patterns in the API's document, read as browsers and most clients read them: as ECMA-262."""

import random
import re

import requests

from tests import walk
from tests.browser.conftest import Visit
from tests.browser.served import Served

# What a name or an address is made of, and what is close to it.
PARTS = [
    *'aZ09.-_@ +"\n\t\x00\x85é\u0301\u0958\u200b\ufeff\u3164\u2028\u2800\u00a0＠．ß中🍪\U000e0041\U0001d173',
    "xn--",
    ".com",
]
MATCHES = "([pattern, texts]) => texts.map(text => new RegExp(pattern, 'u').test(text))"


def test_a_pattern_means_the_same_in_a_browser(visit: Visit, site: Served) -> None:
    document = requests.get(
        f"{site.address}/api/v1/openapi.json", verify=site.trust, timeout=walk.WAIT
    )
    fields = document.json()["components"]["schemas"]["Registration"]["properties"]
    chosen = random.Random(1)  # noqa: S311 - the same texts each time
    texts = ["".join(chosen.choices(PARTS, k=chosen.randint(0, 12))) for _ in range(5_000)]
    texts += [f"{text}a@example.com\u200b" for text in texts[:1_000]]
    texts += [f"A{chr(code)}" for code in range(0x3100)]
    page = visit().page
    for field in ("name", "email"):
        pattern = fields[field]["pattern"]
        # As the app does: Python's `$` alone would also match before a line break at the end.
        here = [re.fullmatch(pattern, text) is not None for text in texts]
        assert page.evaluate(MATCHES, [pattern, texts]) == here
        assert 100 < sum(here) < len(here)
