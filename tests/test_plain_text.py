"""Text without tags is returned unchanged, and everything else is rendered as before."""

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, TemplateSyntaxError, UndefinedError

import plain_text

PLAIN = ["", "text", "two\nlines", "{{ x }} {% y %} {# z #}"]
OTHERS = ["<<x>>", "a <# comment #> b", "windows\r\n", "mac\rlines"]
# Files with only the tags that this template uses.
ANSWERS = {"yes": True, "no": False, "text": "<<cookiecutter.yes>>"}
TAGGED = [
    "#: if cookiecutter.no\nno\n#: if cookiecutter.missing.x\nno\n#: endif\n#: endif\nend",
    "a\n  #: if cookiecutter.yes and not cookiecutter.no\n  b\n\n  #: endif\n\nend",
    "#: if cookiecutter.yes\n#: endif\n",
    "<<cookiecutter.text>> and\n#: if cookiecutter.yes\n<<cookiecutter.no>>\n#: endif\n end",
]
FOR_JINJA = [
    "#: if cookiecutter.yes\na\n#: else\nb\n#: endif\n",
    "a #: if cookiecutter.yes\nb\n#: endif\nc",
    "<<cookiecutter.text | upper>>\n",
    "<# no #><<cookiecutter.text>>\n",
    "#: if cookiecutter.yes\r\na\r\n#: endif\r\nend",
]


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
        lstrip_blocks=True,
        undefined=StrictUndefined,
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


@pytest.mark.parametrize("source", [*TAGGED, *FOR_JINJA])
def test_a_file_with_tags_is_the_same(source: str) -> None:
    usual = environment(source, keeps_end=True)
    quick = environment(source, keeps_end=True)
    plain_text.skip(quick)
    template = quick.get_template("file")
    assert template.render(cookiecutter=ANSWERS) == usual.get_template("file").render(
        cookiecutter=ANSWERS
    )
    assert isinstance(template, plain_text.PlainText) == (source in TAGGED)


@pytest.mark.parametrize(
    "source", ["<<cookiecutter.missing>>", "#: if cookiecutter.missing\nx\n#: endif\n"]
)
def test_an_answer_that_is_missing_is_an_error(source: str) -> None:
    quick = environment(source, keeps_end=True)
    plain_text.skip(quick)
    with pytest.raises(UndefinedError):
        quick.get_template("file").render(cookiecutter=ANSWERS)


@pytest.mark.parametrize("source", ["#: if cookiecutter.yes\n", "#: endif\n", "#: endif"])
def test_a_tag_without_its_pair_is_an_error(source: str) -> None:
    quick = environment(source, keeps_end=True)
    plain_text.skip(quick)
    with pytest.raises(TemplateSyntaxError):
        quick.get_template("file")


def test_tags_in_an_answer_are_left_to_jinja() -> None:
    quick = environment("", keeps_end=True)
    plain_text.skip(quick)
    for source in TAGGED:
        assert not isinstance(quick.from_string(source), plain_text.PlainText)
