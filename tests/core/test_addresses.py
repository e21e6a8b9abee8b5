import csv
import json
import os
from pathlib import Path

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin import addresses
from tocsin.addresses import Reason, Unusable

CORPUS = Path(os.environ.get("TOCSIN_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "07-nasty"
with_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here: set TOCSIN_CORPUS to its folder")


def reason_of(call, *arguments):
    with pytest.raises(Unusable) as caught:
        call(*arguments)
    return caught.value.reason


def taken(call, *arguments):
    try:
        return call(*arguments)
    except Unusable:
        return None


def lines(name):
    return [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("someone@example.org", "someone@example.org"),
        ("  someone@EXAMPLE.org\t", "someone@example.org"),
        ("Some.One+tag@example.org", "Some.One+tag@example.org"),
        ("用户@例子.广告", "用户@例子.广告"),
        ("jose\u0301@example.org", "josé@example.org"),
    ],
)
def test_a_mailbox_comes_out_in_its_normal_form(written, normal):
    assert addresses.email(written) == normal


@pytest.mark.parametrize(
    "written",
    [
        "",
        "someone",
        "someone@",
        "@example.org",
        "a..b@example.org",
        "a@b@example.org",
        "a@example.org, b@example.org",
        "Someone <someone@example.org>",
        "someone@example.org\r\nBcc: other@example.org",
        "someone@localhost",
        "someone@nowhere.test",
        "someone@[127.0.0.1]",
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org",
        "x" * 100_000,
    ],
)
def test_what_is_no_mailbox_is_refused_without_quoting_it(written):
    with pytest.raises(Unusable) as caught:
        addresses.email(written)

    assert caught.value.reason is Reason.EMAIL_INVALID
    assert str(caught.value) == "email-invalid"


local_parts = st.text(alphabet="abz09_+-.", min_size=1, max_size=70)
domains = st.text(alphabet="abz09-.", min_size=1, max_size=70)


@settings(max_examples=500, deadline=None)
@given(
    local=local_parts, domain=domains, top=st.sampled_from(["com", "org", "test", "local", "c", "co1", "onion", "de"])
)
def test_the_quick_pattern_takes_only_what_the_validator_takes_in_the_same_form(local, domain, top):
    written = f"{local}@{domain}.{top}"
    quick = addresses._EMAIL.fullmatch(written)
    if quick is not None and len(quick["local"]) <= 64:
        assert validate_email(written, check_deliverability=False, strict=True).normalized == written


def test_ordinary_mailboxes_never_need_the_slow_validator(monkeypatch):
    monkeypatch.setattr(addresses, "_email_by_validator", lambda _: pytest.fail("the slow way was taken"))
    for written in ("anna.becker+42@mail.example.co.uk", "13800138000@qq.com", "a_b@163.com"):
        assert addresses.email(written) == written


@with_corpus
def test_mailboxes_of_the_corpus_are_taken_and_refused_as_the_validator_does():
    checked = 0
    for case in [*lines("email_validator.jsonl"), *lines("email_isemail.jsonl")]:
        written = case["address"]
        try:
            normal = validate_email(written.strip(), check_deliverability=False, strict=True).normalized
        except EmailNotValidError:
            normal = None
        if normal is None:
            assert reason_of(addresses.email, written) is Reason.EMAIL_INVALID, case
        else:
            assert addresses.email(written) == normal, case
        checked += 1
    assert checked > 100


@with_corpus
def test_naughty_strings_are_refused_and_break_nothing():
    import base64

    strings = [base64.b64decode(next(v for v in case.values() if isinstance(v, str))) for case in lines("blns.jsonl")]
    for raw in strings:
        text = raw.decode("utf-8", "replace")
        for call, arguments in (
            (addresses.email, (text,)),
            (addresses.phone, (text, "CN")),
            (addresses.phone, (text, "")),
        ):
            found = taken(call, *arguments)
            number = getattr(found, "number", found) or ""
            assert number.isprintable()
    assert len(strings) > 300


@pytest.mark.parametrize(
    ("written", "region", "number", "takes_sms"),
    [
        ("13800138000", "CN", "+8613800138000", True),
        ("138 0013 8000", "CN", "+8613800138000", True),
        ("+86 138-0013-8000", "CN", "+8613800138000", True),
        ("+8613800138000", "", "+8613800138000", True),
        ("008613800138000", "CN", "+8613800138000", True),
        ("０１０－６５５２９９８８", "CN", "+861065529988", False),
        ("0755 - 86965862", "CN", "+8675586965862", False),
        ("0151 23456789", "DE", "+4915123456789", True),
        ("030 901820", "DE", "+4930901820", False),
        ("(415) 555-2671", "US", "+14155552671", True),
        ("+44 7911 123456", "CN", "+447911123456", True),
    ],
)
def test_a_number_comes_out_as_e164_and_says_whether_it_takes_texts(written, region, number, takes_sms):
    found = addresses.phone(written, region)

    assert (found.number, found.takes_sms) == (number, takes_sms)


@pytest.mark.parametrize(
    ("written", "region", "reason"),
    [
        ("13800138000", "", Reason.PHONE_NO_REGION),
        ("12345", "CN", Reason.PHONE_INVALID),
        ("1.38001E+10", "CN", Reason.PHONE_INVALID),
        ("", "CN", Reason.PHONE_INVALID),
        ("not a number", "CN", Reason.PHONE_INVALID),
        ("1380013800０0", "DE", Reason.PHONE_INVALID),
        ("9" * 5000, "CN", Reason.PHONE_INVALID),
        ("+1 900 253 6900", "US", Reason.PHONE_NOT_PERSONAL),
        ("0800 1234567", "DE", Reason.PHONE_NOT_PERSONAL),
    ],
)
def test_what_is_nobody_s_number_is_refused_with_its_reason(written, region, reason):
    assert reason_of(addresses.phone, written, region) is reason


@settings(max_examples=400, deadline=None)
@given(data=st.data(), region=st.sampled_from(sorted(addresses._FAST_REGIONS)), plus=st.booleans())
def test_the_quick_phone_pattern_agrees_with_the_library_on_every_number_it_takes(data, region, plus):
    numbering = addresses._numbering(region)
    national = data.draw(st.from_regex(numbering.mobile, fullmatch=True))
    written = numbering.prefix + national if plus else national
    quick = addresses._mobile_by_pattern(written, region)
    if quick is not None:
        assert addresses._phone_by_library(written, region) == addresses.Phone(number=quick, takes_sms=True)


@with_corpus
def test_a_valid_number_of_every_region_and_kind_is_taken_or_refused_for_what_it_is():
    impersonal = {"toll_free", "premium_rate", "shared_cost", "uan", "voicemail", "pager"}
    checked = 0
    with (CORPUS / "phone_examples.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            written = f"+{row['calling_code']}{row['national_number']}"
            checked += 1
            if row["kind"] in impersonal and not taken(addresses.phone, written, ""):
                assert reason_of(addresses.phone, written, "") is Reason.PHONE_NOT_PERSONAL, row
                continue
            found = addresses.phone(written, "")
            assert found.number.startswith(f"+{row['calling_code']}"), row
            assert found.takes_sms or row["kind"] != "mobile", row
    assert checked > 500


@pytest.mark.parametrize("token", ["tok-0123456789abcdef", "dead-token-1", "a:b_c-d/e+f==", "x" * 4096])
def test_a_push_token_is_kept_as_it_is(token):
    assert addresses.push_token(f" {token} ") == token


@pytest.mark.parametrize("token", ["", "short", "x" * 4097, "tok\n12345678", "tökén-12345678", "tok\0-12345678"])
def test_what_cannot_be_a_push_token_is_refused(token):
    assert reason_of(addresses.push_token, token) is Reason.TOKEN_INVALID


@pytest.mark.parametrize(
    ("place", "region"),
    [("CN", "CN"), ("CN-44", "CN"), ("CN-HK", "HK"), ("US-CA", "US"), ("US-PR", "PR"), ("", "")],
)
def test_the_numbering_region_of_a_place(place, region):
    assert addresses.numbering_region(place) == region


def test_a_phone_shows_no_number_in_its_repr():
    assert "138" not in repr(addresses.phone("13800138000", "CN"))
