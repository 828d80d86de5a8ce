"""Text without tags is returned unchanged, and everything else is rendered as before."""

import pytest
from jinja2 import DictLoader, Environment

import plain_text

PLAIN = ["", "text", "two\nlines", "{{ x }} {% y %} {# z #}"]
OTHERS = ["<<x>>", "#: if x\nyes\n#: endif\nend", "a <# comment #> b", "windows\r\n", "mac\rlines"]


def environment(source: str, *, keeps_end: bool) -> Environment:
    """Return an environment with the template's delimiters."""
    return Environment(  # noqa: S701 - this renders no HTML
        loader=DictLoader({"file": source}),
        keep_trailing_newline=keeps_end,
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="#:",
        block_end_string="\n",
        comment_start_string="<#",
        comment_end_string="#>",
    )


@pytest.mark.parametrize("keeps_end", [True, False])
@pytest.mark.parametrize("source", [*PLAIN, *OTHERS, "end\n"])
def test_the_result_is_the_same(source: str, keeps_end: bool) -> None:
    usual = environment(source, keeps_end=keeps_end)
    expected = usual.from_string(source).render(x=1)
    quick = environment(source, keeps_end=keeps_end)
    plain_text.skip(quick)
    for template in (quick.from_string(source), quick.get_template("file")):
        assert template.render(x=1) == expected
        is_plain = source in PLAIN or (source == "end\n" and keeps_end)
        assert isinstance(template, plain_text.PlainText) == is_plain
