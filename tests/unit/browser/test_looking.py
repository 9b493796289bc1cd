import pytest

from runloop_jupyter.browser.looking import _short


@pytest.mark.parametrize(
    ("cell", "kind", "expected"),
    [
        ("2.3061752319335938", "float32", "2.30618"),
        ("0.1", "double", "0.1"),
        ("1.5e-300", "float64", "1.5e-300"),
        ("", "float64", ""),
        ("masked", "double", "masked"),
        ("9007199254740993", "int64", "9007199254740993"),
        ("2.3061752319335938", "string", "2.3061752319335938"),
    ],
)
def test_a_fraction_is_shown_with_six_digits_and_nothing_else_is_changed(cell: str, kind: str, expected: str) -> None:
    assert _short(cell, kind) == expected
