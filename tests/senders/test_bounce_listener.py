"""The door for bounces: it takes what belongs to our letters, and nothing from anybody else."""

import smtplib
import threading

import pytest

from notifiers import mail
from notifiers.bounces import listener
from tocsin.errors import Misconfigured

KEY = "5a" * 16
OURS = mail._return_path(KEY, mail.Sender(address="a@b.example", name=None, bounce_domain="bounces.example"))


@pytest.fixture
def door():
    taken, refuse = [], threading.Event()

    def take(raw, provider, recipient):
        if refuse.is_set():
            raise OSError("disk full, wang@example.org")
        taken.append((raw, provider, recipient))

    with (
        listener.listening("127.0.0.1", 0, providers={"Bounces.example": "post"}, take=take) as port,
        smtplib.SMTP("127.0.0.1", port, timeout=5) as client,
    ):
        yield client, taken, refuse


def test_a_bounce_for_a_letter_of_ours_is_taken(door):
    client, taken, _ = door

    client.sendmail("", [OURS.upper().replace("BOUNCE+", "bounce+")], b"Subject: failure notice\r\n\r\nSorry.\r\n")

    [(raw, provider, recipient)] = taken
    assert raw.startswith(b"Subject: failure notice")
    assert provider == "post"
    assert mail.key_of_return_path(recipient) == KEY


@pytest.mark.parametrize(
    "to", ["postmaster@bounces.example", "bounce+1@bounces.example", OURS.replace("bounces.", "b."), "x"]
)
def test_no_mail_for_anybody_else_is_taken(door, to):
    client, taken, _ = door

    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        client.sendmail("stranger@example.org", [to], b"Subject: hello\r\n\r\n")

    assert {code for code, _ in refusal.value.recipients.values()} <= {550, 553}
    assert taken == []


def test_a_bounce_that_cannot_be_stored_stays_with_the_other_server(door):
    client, _, refuse = door
    refuse.set()

    with pytest.raises(smtplib.SMTPDataError) as refusal:
        client.sendmail("", [OURS], b"Subject: x\r\n\r\n")

    assert refusal.value.smtp_code == 451
    assert b"wang" not in refusal.value.smtp_error


def test_a_letter_without_end_is_refused(door):
    client, taken, _ = door

    with pytest.raises((smtplib.SMTPDataError, smtplib.SMTPSenderRefused)) as refusal:
        client.sendmail("", [OURS], b"x" * 70 + b"\r\n" + b"y" * 900 * 3000)

    assert refusal.value.smtp_code in {552, 500}
    assert taken == []


def test_a_port_that_is_taken_is_one_sentence(door):
    client, _, _ = door
    port = client.sock.getpeername()[1]

    with (
        pytest.raises(Misconfigured, match=f"port {port}"),
        listener.listening("127.0.0.1", port, providers={}, take=print),
    ):
        pass
