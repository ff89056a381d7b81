"""Manuals out of Debian packages: their order, their words, and which may be trained on."""

import pytest

from secretariat.models.errors import ModelError
from secretariat.models.training.data.packages import read_package
from secretariat.models.training.data.texts import documents, manual, page_of, training_documents
from tests.models.training.manuals import package, page

PAGES = {
    "doc/en-US/b.html": page("<p>second</p>", "contents.html"),
    "doc/en-US/index.html": page("<p>first</p>", "b.html"),
    "doc/en-US/sub/c.html": page("<p>third</p>"),
    "doc/en-US/contents.html": page("<p>a list</p>", "sub/c.html#top"),
    "doc/en-US/genindex.html": page("<p>an index</p>"),
    "doc/de-DE/index.html": page("<p>erstens</p>", "b.html"),
    "doc/en-US/image.png": "not a page",
}


def encode(text: str) -> list[int]:
    return list(text.encode())


def test_a_manual_is_read_along_its_links_and_in_english_alone(tmp_path):
    read = read_package(package(tmp_path / "m.deb", "manual", PAGES))
    assert (read.name, read.version) == ("manual", "1.2-3")
    assert manual(read.files) == ["first", "second", "third"]


def test_a_page_is_its_words_with_preformatted_text_as_it_stands():
    text = page_of(
        "p.html",
        page(
            "<div class='related'>menu</div><div role='main'><h1>Title<a class='headerlink'>#</a></h1>"
            "<p>Some <b>bold</b>\n   words.</p><ul><li><p>one</p></li><li>two</li></ul>"
            "<pre>def f():\n    return <span>1</span>\n</pre><script>no()</script></div><p>foot</p>"
        ).encode(),
    ).text
    assert text.startswith("Title\n\nSome bold words.\n\n")
    assert "def f():\n    return 1\n" in text + "\n"
    assert not any(word in text for word in ("menu", "#", "no()", "foot"))


def test_documents_follow_each_other_and_some_are_held_out(tmp_path):
    long = {"index.html": page("<p>" + "abcdefgh " * 90 + "</p>")} | {
        "a.html": page("<p>end</p>"), "index.html": page("<p>" + "abcdefgh " * 90 + "</p>", "a.html"),
    }  # fmt: skip
    path = package(tmp_path / "m.deb", "python3.11-doc", long)
    whole = documents(path, encode, 20)
    assert all(len(document.tokens) == 20 for document in whole)
    assert bytes(token for document in whole for token in document.tokens).startswith(b"abcdefgh abcdefgh")
    kept, held_out = training_documents([path], encode, 20)
    assert len(held_out) == 2
    assert sorted(d.id for d in kept + held_out) == sorted(d.id for d in whole)


def test_a_package_that_is_kept_for_testing_is_refused(tmp_path):
    path = package(tmp_path / "renamed.deb", "postgresql-doc-15", PAGES)
    with pytest.raises(ModelError, match="postgresql-doc-15 is kept for testing"):
        training_documents([path], encode, 20)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"!<arch>\n", b"!<arch>\n" + b"x" * 60])
def test_what_is_no_package_is_refused_with_its_name(tmp_path, content):
    (tmp_path / "odd.deb").write_bytes(content)
    with pytest.raises(ModelError, match="odd.deb is no readable Debian package"):
        read_package(tmp_path / "odd.deb")
