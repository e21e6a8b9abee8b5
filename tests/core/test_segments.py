"""SMS lengths as the network counts them (3GPP TS 23.038, TS 23.040)."""

import pytest

from tocsin import segments


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "count"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the escape pair does not fit the first 153
        ("{[~]}|^\\", "GSM-7", 16, 1),
        ("ñÄàΩ¿\n", "GSM-7", 6, 1),
        ("中" * 70, "UCS-2", 70, 1),
        ("中" * 71, "UCS-2", 71, 2),
        ("中" * 134, "UCS-2", 134, 2),
        ("中" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("中" * 66 + "😀" + "中" * 66, "UCS-2", 134, 3),  # nor does a surrogate pair the first 67
        ("’", "UCS-2", 1, 1),
        ("ç", "UCS-2", 1, 1),  # the alphabet has the capital only
        ("a" * 159 + "ê", "UCS-2", 160, 3),  # one letter outside makes the whole of it dearer
    ],
)
def test_sms_segments_are_counted_as_the_network_counts_them(text, alphabet, units, count):
    length = segments.measure(text)

    assert (length.alphabet, length.units, length.segments) == (alphabet, units, count)


def test_the_alphabet_has_the_128_places_of_the_specification():
    single = [chr(code) for code in range(0x2200) if segments.measure(chr(code)) == segments.measure("a")]
    double = [chr(code) for code in range(0x2200) if segments.measure(chr(code)).units == 2]

    assert len(single) == 127  # the 128th is the escape to the extension
    assert sorted(double) == sorted("\f^{}\\[~]|€")
