"""The count of segments, against the alphabet written out and an independent way of cutting."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.sms.segments import Size, septets, size

# 3GPP TS 23.038 section 6.2.1, typed from the table: the default alphabet without ESC, and its
# extension.
DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"


def test_the_alphabet_is_the_standard_s_and_nothing_else() -> None:
    assert len(DEFAULT) == 127
    for n in range(0xD800):
        expected = 1 if chr(n) in DEFAULT else 2 if chr(n) in EXTENSION else 0
        assert septets(chr(n)) == expected, hex(n)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Size("GSM-7", 0, 1)),
        ("a" * 160, Size("GSM-7", 160, 1)),
        ("a" * 161, Size("GSM-7", 161, 2)),
        ("a" * 306, Size("GSM-7", 306, 2)),
        ("a" * 307, Size("GSM-7", 307, 3)),
        ("€" * 80, Size("GSM-7", 160, 1)),
        ("a" * 159 + "€", Size("GSM-7", 161, 2)),
        ("a" * 152 + "€" + "a" * 152, Size("GSM-7", 306, 3)),  # the pair moves on: 306 needs three
        ("ë" * 70, Size("UCS-2", 70, 1)),
        ("ë" * 71, Size("UCS-2", 71, 2)),
        ("ë" * 134, Size("UCS-2", 134, 2)),
        ("😀" * 35, Size("UCS-2", 70, 1)),
        ("😀" * 36, Size("UCS-2", 72, 2)),
        ("ë" * 66 + "😀" + "ë" * 66, Size("UCS-2", 134, 3)),  # the surrogate pair moves on
        ("\x1b", Size("UCS-2", 1, 1)),
    ],
)
def test_known_sizes(text: str, expected: Size) -> None:
    assert size(text) == expected


def cut_by_hand(text: str) -> int:
    """Segments as a modem makes them: encode, then cut, and step back when a cut hits a pair."""
    if all(c in DEFAULT or c in EXTENSION for c in text):
        units = "".join("E" + "x" if c in EXTENSION else "x" for c in text)
        single, part, first_of_pair = 160, 153, "E"
    else:
        units = "".join("Hx" if len(c.encode("utf-16-be")) == 4 else "x" for c in text)
        single, part, first_of_pair = 70, 67, "H"
    if len(units) <= single:
        return 1
    segments = 0
    while units:
        end = part
        if len(units) > end and units[end - 1] == first_of_pair:
            end -= 1
        units = units[end:]
        segments += 1
    return segments


@given(st.text(st.sampled_from(DEFAULT + EXTENSION * 8), max_size=700))
@example("a" * 152 + "€")
def test_gsm_texts_are_cut_as_a_modem_cuts_them(text: str) -> None:
    assert size(text).segments == cut_by_hand(text)
    assert size(text).encoding == "GSM-7"


@given(st.text(st.sampled_from("aé€ëж中😀🚲👩\u200d\ufe0f"), max_size=300))
def test_other_texts_are_cut_as_a_modem_cuts_them(text: str) -> None:
    assert size(text).segments == cut_by_hand(text)
