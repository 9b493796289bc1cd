"""The content type that goes with a name, as the published clients have it."""

import pytest

from runloop_jupyter.content import content_type_of


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("notes.MD", "text"),
        ("a/b.csv", "text"),
        ("x.tar.gz", "tgz"),
        ("x.tgz", "tgz"),
        ("x.gz", "gzip"),
        ("x.tar", "tar"),
        ("x.parquet", "unspecified"),
        ("noname", "unspecified"),
        (".csv", "unspecified"),
    ],
)
def test_the_name_decides(name, content_type):
    assert content_type_of(name) == content_type
