"""Delivery reports (RFC 3464) as receipts: matched without the recipient, delays and auto-replies left alone."""

import email

import pendulum
import pytest

from notifiers import bounces, mail
from notifiers.fakes import dsn
from tocsin.delivery import Outcome

KEY = "5a" * 32
WHEN = pendulum.datetime(2026, 11, 23, 8)
LATER = pendulum.datetime(2026, 11, 24)


def a_report(*, to="privacy@notices.example", status_part, returned=f"Message-ID: <{KEY}@notices.example>\n", head=""):
    return (
        f"From: MAILER-DAEMON@relay.example\nTo: {to}\nDate: Mon, 23 Nov 2026 09:00:00 +0100\n{head}"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nSorry.\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n{status_part}\n"
        f"--b\nContent-Type: text/rfc822-headers\n\n{returned}\n--b--\n"
    ).encode()


def of_recipient(action="failed", status="5.1.1", whom="wang@example.org", diagnostic=None):
    fields = f"Final-Recipient: rfc822; {whom}\nAction: {action}\nStatus: {status}\n"
    return fields + (f"Diagnostic-Code: smtp; {diagnostic}\n" if diagnostic else "")


def parse(raw, **options):
    return bounces.parse(raw, provider="post", received=LATER, **options)


def test_a_failed_delivery_is_a_bounce_of_the_message_that_came_back():
    [receipt] = parse(a_report(status_part=of_recipient()))

    assert receipt.outcome is Outcome.BOUNCED
    assert (receipt.key, receipt.code, receipt.reason) == (KEY, "5.1.1", "mailbox-unknown")
    assert receipt.at == WHEN
    assert receipt.provider == "post"


def test_the_recipient_is_kept_nowhere():
    [receipt] = parse(a_report(status_part=of_recipient(diagnostic="550 5.1.1 <wang@example.org> unknown")))

    assert "wang" not in repr(receipt)


def test_the_envelope_sender_finds_the_message_when_nothing_came_back():
    verp = mail._return_path(KEY, mail.Sender(address="a@b.example", name=None, bounce_domain="bounces.example"))
    nothing = {"status_part": of_recipient(), "returned": "Subject: x\n"}

    assert parse(a_report(to=verp, **nothing))[0].key == KEY
    assert parse(a_report(**nothing), envelope_recipient=verp)[0].key == KEY
    assert parse(a_report(head=f"X-Original-To: {verp}\n", **nothing))[0].key == KEY
    assert parse(a_report(**nothing))[0].key is None


def test_a_reference_finds_the_message_too():
    raw = a_report(
        status_part=of_recipient(), returned="Subject: x\n", head=f"References: <other@x> <{KEY}@n.example>\n"
    )

    assert parse(raw)[0].key == KEY


def test_a_whole_letter_that_came_back_is_read_for_its_message_id_only():
    raw = a_report(status_part=of_recipient()).replace(b"text/rfc822-headers", b"message/rfc822")

    assert parse(raw)[0].key == KEY


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded", "Delayed"])
def test_a_report_on_the_way_is_no_receipt(action):
    assert parse(a_report(status_part=of_recipient(action, "4.4.1"))) == []


def test_a_relay_that_gave_up_is_a_bounce_that_condemns_no_address():
    [receipt] = parse(a_report(status_part=of_recipient("failed", "4.4.7")))

    assert (receipt.outcome, receipt.reason) == (Outcome.BOUNCED, "expired")


@pytest.mark.parametrize(
    ("status", "diagnostic", "reason"),
    [
        ("5.2.2", None, "mailbox-full"),
        ("4.2.2", None, "mailbox-full"),
        ("5.2.1", None, "mailbox-disabled"),
        ("5.1.2", None, "address-invalid"),
        ("5.4.4", None, "address-invalid"),
        ("5.7.1", None, "policy"),
        ("5.6.1", None, "content"),
        ("5.0.0", "550 5.1.1 unknown", "mailbox-unknown"),
        ("5.0.0", "550 at 10.5.1.1", "other"),
        ("nonsense", None, "other"),
    ],
)
def test_a_bounce_says_why_in_closed_words(status, diagnostic, reason):
    [receipt] = parse(a_report(status_part=of_recipient(status=status, diagnostic=diagnostic)))

    assert receipt.reason == reason


def test_an_action_with_words_of_its_own_is_understood():
    [receipt] = parse(a_report(status_part=of_recipient("failed (bad destination)")))

    assert receipt.outcome is Outcome.BOUNCED


def test_an_unknown_action_is_judged_by_its_status():
    assert parse(a_report(status_part=of_recipient("error", "5.0.0")))[0].outcome is Outcome.BOUNCED
    assert parse(a_report(status_part=of_recipient("error", "4.0.0"))) == []
    assert parse(a_report(status_part=of_recipient("puzzled", "2.0.0"))) == []


def test_a_report_of_success_is_a_delivery():
    [receipt] = parse(a_report(status_part=of_recipient("delivered", "2.0.0")))

    assert (receipt.outcome, receipt.reason) == (Outcome.DELIVERED, None)


def test_each_recipient_counts_once_even_if_a_relay_repeats_it():
    part = of_recipient() + "\n" + of_recipient() + "\n" + of_recipient(whom="li@example.org")

    receipts = parse(a_report(status_part=part))

    assert len(receipts) == 2
    assert len({receipt.event_id for receipt in receipts}) == 2


def test_the_same_report_read_twice_is_the_same_event():
    raw = a_report(status_part=of_recipient())

    assert parse(raw) == parse(raw)
    assert parse(raw)[0].event_id != parse(a_report(status_part=of_recipient(whom="li@e.org")))[0].event_id


def test_without_a_date_the_moment_is_when_it_came():
    raw = a_report(status_part=of_recipient()).replace(b"Date: Mon, 23 Nov 2026 09:00:00 +0100\n", b"")

    assert parse(raw)[0].at == LATER


@pytest.mark.parametrize(
    "raw",
    [
        b"From: wang@example.org\nAuto-Submitted: auto-replied\nSubject: Out of office 550 5.1.1\n\nI am away.\n",
        b"Subject: hello\n\nPlease stop.\n",
        b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b--\n",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\nno parts",
        b"",
        b"\x00\xff\xfe" * 100,
    ],
)
def test_what_is_no_delivery_report_is_no_receipt(raw):
    assert parse(raw) == []


def test_a_report_inside_a_returned_letter_is_not_ours():
    inner = a_report(status_part=of_recipient()).decode()
    raw = a_report(status_part=of_recipient("delayed", "4.4.1"), returned=inner).replace(
        b"text/rfc822-headers", b"message/rfc822"
    )

    assert parse(raw) == []


def test_the_fakes_reports_are_real_ones():
    original = email.message_from_string(
        f"Message-ID: <{KEY}@notices.example>\nSubject: x\nTo: wang@example.org\n\nbody"
    )

    text = dsn.undeliverable(
        original, sender="privacy@notices.example", recipient="wang@example.org", status="5.1.1", at=WHEN
    )
    [receipt] = parse(text.encode())

    assert (receipt.key, receipt.reason, receipt.at) == (KEY, "mailbox-unknown", WHEN)
    assert "body" not in text
