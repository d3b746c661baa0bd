from __future__ import annotations

import pytest

from downlaw.corpora.extract.origins import origins
from downlaw.corpora.sources.wheel import Wheel

DOCSTRING = 'def f():\n    """First of all.\n\n    Second\n    of all.\n    """\n'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.py", "print(_('Open ' 'the file'))", "Open the file"),
        ("a.py", "print(_(b'Open the file'))", "Open the file"),
        ("a.py", DOCSTRING, "Second\nof all."),
        ("a.html", '<a title="{% translate "Open the file" %}">', "Open the file"),
        ("a.html", "{% blocktranslate %}\n Delete {{ name }}?\n{% endblocktranslate %}", "Delete %(name)s?"),
        (
            "a.html",
            "{% blocktrans count n=n %}One{% plural %}{{ n }} files{% endblocktrans %}",
            "%(n)s files",
        ),
        ("a.glade", '<property name="label" translatable="yes">_Open file</property>', "_Open file"),
        ("a.txt", "First paragraph.\n\nSecond\nparagraph.\n", "Second paragraph."),
    ],
)
def test_where_a_message_can_stand(make_wheel, name, content, message):
    with Wheel(make_wheel({name: content})) as wheel:
        assert origins(wheel, [message, "Something else"]) == {message: (name,)}


def test_every_file_is_named_once_in_order(make_wheel):
    with Wheel(
        make_wheel({"b.py": "x = 'Same text'", "a.py": "x = y = 'Same text'; z = 'Same text'"})
    ) as wheel:
        assert origins(wheel, ["Same text"]) == {"Same text": ("a.py", "b.py")}


def test_code_is_parsed_and_never_run(make_wheel, tmp_path):
    mark = tmp_path / "ran"
    with Wheel(make_wheel({"a.py": f"open({str(mark)!r}, 'w'); x = 'Some text'"})) as wheel:
        assert origins(wheel, ["Some text"]) == {"Some text": ("a.py",)}
    assert not mark.exists()


def test_files_that_do_not_parse_are_passed_over(make_wheel):
    with Wheel(make_wheel({"a.py": "print 'Some text'", "b.py": b"\0", "c.py": "x = 'Some text'"})) as wheel:
        assert origins(wheel, ["Some text"]) == {"Some text": ("c.py",)}
