"""The dialogue with a mail server, reply by reply, against a server that answers as it is told."""

import contextlib

import pytest

from notifiers import smtp_account, smtp_replies
from notifiers.answers import Reason, Refusal, Taken
from notifiers.channels import open_notifier
from notifiers.http_channel import PluginNotifier
from tocsin.errors import Doubtful, Misconfigured, Unavailable


@pytest.fixture
def notifier(relay, a_provider, at):
    url = f"mailto://127.0.0.1:{relay.port}/{{to}}?from=privacy@notices.example&mode=insecure&rto=2&cto=2"
    with contextlib.closing(open_notifier(a_provider(url, bounce_domain="bounces.example"), now=at)) as opened:
        yield opened


def test_one_message_names_one_recipient_in_the_envelope(notifier, relay, a_message):
    message = a_message()

    notifier.send(message)

    assert [line for line in relay.commands if line.startswith("RCPT")] == ["RCPT TO:<someone@example.org>"]
    mail_from = next(line for line in relay.commands if line.upper().startswith("MAIL"))
    assert "<bounce+" in mail_from
    assert "@bounces.example>" in mail_from
    assert len(relay.texts) == 1


@pytest.mark.parametrize(
    ("verb", "reply", "reason"),
    [
        ("RCPT", "550 5.1.1 no such user", Reason.MAILBOX_UNKNOWN),
        ("RCPT", "550 no such user", Reason.MAILBOX_UNKNOWN),
        ("RCPT", "550 5.2.1 disabled", Reason.MAILBOX_DISABLED),
        ("RCPT", "552 5.2.2 full", Reason.MAILBOX_FULL),
        ("RCPT", "553 5.1.3 bad syntax", Reason.ADDRESS_INVALID),
        ("RCPT", "550 5.1.2 no such host", Reason.ADDRESS_INVALID),
        ("RCPT", "556 5.1.10 null MX", Reason.ADDRESS_INVALID),
        ("RCPT", "550 5.7.1 relaying denied", Reason.POLICY),
        ("RCPT", "554 blocked by 10.1.1.20", Reason.POLICY),
        ("MAIL", "550 5.1.8 sender domain unknown", Reason.POLICY),
        ("MAIL", "550 5.1.1 odd", Reason.POLICY),
        ("DATA", "554 5.6.0 no", Reason.CONTENT),
        (".", "554 5.7.1 spam", Reason.POLICY),
        (".", "552 5.3.4 too big", Reason.CONTENT),
        (".", "550 looks like spam", Reason.CONTENT),
        (".", "555 whatever", Reason.OTHER),
    ],
)
def test_a_refusal_for_good_says_why(notifier, relay, a_message, verb, reply, reason):
    relay.replies[verb] = [reply]

    with pytest.raises(Refusal) as refused:
        notifier.send(a_message())

    assert refused.value.reason is reason
    assert refused.value.code.startswith(reply[:3])
    assert isinstance(notifier.send(a_message(seed="next")), Taken)
    assert relay.connections == 1, "a refusal costs no new connection"


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("reply", ["451 4.3.0 try later", "421 4.7.0 closing", "452 4.2.2 full"])
def test_a_refusal_for_now_has_taken_nothing(notifier, relay, a_message, verb, reply):
    relay.replies[verb] = [reply]

    with pytest.raises(Unavailable) as unavailable:
        notifier.send(a_message())

    assert unavailable.value.code == reply[:9]
    assert isinstance(notifier.send(a_message()), Taken)


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_text_has_taken_nothing(notifier, relay, a_message, verb):
    relay.replies[verb] = [None, None]

    with pytest.raises(Unavailable):
        notifier.send(a_message())

    assert relay.texts == []


def test_a_connection_lost_after_the_text_is_a_doubt(notifier, relay, a_message):
    relay.replies["."] = [None]

    with pytest.raises(Doubtful) as doubt:
        notifier.send(a_message())

    assert doubt.value.code == "connection-lost"
    assert len(relay.texts) == 1


def test_a_kept_connection_that_died_meanwhile_is_opened_anew_and_nothing_is_sent_twice(notifier, relay, a_message):
    notifier.send(a_message())
    relay.replies["MAIL"] = [None]

    notifier.send(a_message(seed="second"))

    assert relay.connections == 2
    assert len(relay.texts) == 2
    assert relay.texts[0] != relay.texts[1]


def test_a_session_that_the_server_ends_is_opened_anew(notifier, relay, a_message):
    notifier.send(a_message())
    relay.replies["MAIL"] = ["421 4.7.0 too many messages in this session"]

    notifier.send(a_message(seed="second"))

    assert (relay.connections, len(relay.texts)) == (2, 2)


def test_a_greeting_that_refuses_us_has_taken_nothing(notifier, relay, a_message):
    relay.greeting = "554 no service for you"

    with pytest.raises(Unavailable):
        notifier.send(a_message())


@pytest.mark.parametrize("reply", ["530 5.7.0 authentication required", "535 5.7.8 bad"])
def test_being_asked_to_log_in_is_a_setting_to_mend(notifier, relay, a_message, reply):
    relay.replies["MAIL"] = [reply]

    with pytest.raises(Misconfigured, match="credentials"):
        notifier.send(a_message())


def test_an_international_address_needs_a_server_that_takes_it(notifier, relay, a_message):
    with pytest.raises(Refusal) as refused:
        notifier.send(a_message(to="王芳@example.org"))
    assert refused.value.code == "smtputf8"


def test_an_international_address_is_sent_where_the_server_takes_it(notifier, relay, a_message):
    relay.features = "250-relay.example\r\n250-8BITMIME\r\n250 SMTPUTF8"

    notifier.send(a_message(to="王芳@example.org"))
    notifier.send(a_message(to="plain@example.org"))

    assert "RCPT TO:<王芳@example.org>" in relay.commands
    assert [line.endswith("SMTPUTF8 BODY=8BITMIME") for line in relay.commands if line.upper().startswith("MAIL")] == [
        True,
        False,
    ]


def test_a_closed_notifier_says_goodbye(relay, a_provider, a_message, at):
    url = f"mailto://127.0.0.1:{relay.port}/{{to}}?from=privacy@notices.example&mode=insecure"
    notifier = open_notifier(a_provider(url), now=at)
    notifier.send(a_message())
    notifier.close()
    notifier.close()

    assert relay.commands[-1].upper() == "QUIT"


def test_the_account_is_what_apprise_read_from_the_url(a_provider):
    from notifiers import plugins

    url = "mailtos://user%40corp.example:p%23w@smtp.corp.example:4650/{to}?from=dpo@corp.example&mode=ssl&rto=7&cto=3&verify=no"
    account = smtp_account.account(plugins.probe(a_provider(url))[0])

    assert account == smtp_account.Account(
        host="smtp.corp.example", port=4650, mode="ssl", user="user@corp.example", password="p#w", verify=False,
        connect_seconds=3.0, answer_seconds=7.0,
    )  # fmt: skip
    assert "p#w" not in repr(account)
    assert "user@corp" not in repr(account)


def test_mail_servers_get_minutes_to_answer_where_the_url_says_nothing(a_provider):
    from notifiers import plugins

    assert smtp_account.account(plugins.probe(a_provider())[0]).answer_seconds == 120


def test_tls_contexts_are_made_once_and_verify_as_the_url_says():
    strict, lax = smtp_account._tls(True), smtp_account._tls(False)

    assert smtp_account._tls(True) is strict
    assert (strict.check_hostname, strict.verify_mode.name) == (True, "CERT_REQUIRED")
    assert (lax.check_hostname, lax.verify_mode.name) == (False, "CERT_NONE")


def test_where_apprise_has_changed_its_plain_plugin_still_sends(relay, a_provider, a_message, at, monkeypatch):
    monkeypatch.setattr(smtp_account, "account", lambda _plugin: None)
    url = f"mailto://127.0.0.1:{relay.port}/{{to}}?from=privacy@notices.example&mode=insecure"
    with contextlib.closing(open_notifier(a_provider(url), now=at)) as notifier:
        assert isinstance(notifier, PluginNotifier)
        taken = notifier.send(a_message())
        relay.replies["RCPT"] = ["550 5.1.1 no"]
        with pytest.raises(Doubtful):
            notifier.send(a_message(seed="refused, but the plain plugin only says False"))

    assert taken == Taken()
    assert len(relay.texts) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [("5.1.1 gone", "5.1.1"), ("mail from 10.5.1.1 no", None), ("#5.7.26 x", "5.7.26"), ("", None), ("5.1 x", None)],
)
def test_enhanced_codes_are_found_and_network_addresses_are_not_taken_for_them(text, code):
    assert smtp_replies.enhanced(text) == code
