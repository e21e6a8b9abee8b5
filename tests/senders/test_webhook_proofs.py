"""Who may report: each service by its own proof, and strangers not at all."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import pendulum
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from notifiers import webhooks
from notifiers.webhooks import Receiver, Request, sns
from tocsin.delivery import Kind
from tocsin.errors import NotAllowed

NOW = pendulum.datetime(2026, 11, 22, 12)
KEY = "5a" * 16


def a_receiver(service="own", **changes):
    return Receiver.model_validate({"provider": "post", "service": service, "secrets": ["hunter2"]} | changes)


def nobody(url):
    raise AssertionError(url)


def receive(receiver, request, *, fetch=nobody, now=NOW):
    return webhooks.receive(receiver, request, certificates=sns.Certificates(fetch), now=now)


def signed(document, *, secret="hunter2", at=NOW, body=None):
    body = json.dumps(document).encode() if body is None else body
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return Request(headers={"x-tocsin-timestamp": stamp, "x-tocsin-signature": f"sha256={digest}"}, body=body)


AN_EVENT = {"id": "e1", "event": "bounced", "at": "2026-11-22T19:00:00+08:00", "provider_id": "p1"}


@pytest.mark.parametrize(
    "request_",
    [
        signed(AN_EVENT, secret="guessed"),
        signed(AN_EVENT, at=NOW.subtract(seconds=301)),
        signed(AN_EVENT, at=NOW.add(seconds=301)),
        Request(headers={}, body=json.dumps(AN_EVENT).encode()),
        Request(headers={"x-tocsin-signature": ""}, body=b""),
        Request(headers={"x-tocsin-signature": "é", "x-tocsin-timestamp": "1"}, body=b"{}"),
        Request(headers=signed(AN_EVENT).headers, body=json.dumps(dict(AN_EVENT, event="delivered")).encode()),
        Request(headers=signed(AN_EVENT).headers | {"x-tocsin-timestamp": "1"}, body=signed(AN_EVENT).body),
    ],
)  # fmt: skip
def test_what_is_forged_changed_or_old_is_refused_in_the_same_words(request_):
    with pytest.raises(NotAllowed, match="not proven") as refusal:
        receive(a_receiver(), request_)

    assert "hunter2" not in str(refusal.value)


def test_the_last_secret_still_counts_while_it_is_changed():
    receiver = a_receiver(secrets=["new", "hunter2"])

    assert receive(receiver, signed(AN_EVENT)).events
    assert "hunter2" not in repr(receiver)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"service": "carrier-pigeon"}, "is not one of"),
        ({"secrets": []}, "secrets"),
        ({"secrets": [""]}, "secrets"),
        ({"service": "twilio"}, "url"),
        ({"service": "amazon_ses"}, "topics"),
        ({"service": "brevo", "mapping": {"word": "x", "words": {}}}, "only service own"),
    ],
)
def test_a_receiver_that_cannot_work_is_refused_in_the_settings(changes, word):
    with pytest.raises(ValidationError, match=word):
        a_receiver(**changes)


# The proofs of services


def test_twilio_signs_its_address_and_the_form():
    # The example of Twilio's own documentation ("Validating requests").
    url, secret = "https://mycompany.com/myapp.php?foo=1&bar=2", "12345"
    form = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212",
    }  # fmt: skip
    request = Request(headers={"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}, body=urlencode(form).encode())
    receiver = a_receiver("twilio", secrets=[secret], url=url)

    assert receive(receiver, request).events
    for wrong in (
        Request(headers=request.headers, body=urlencode(dict(form, Digits="9")).encode()),
        Request(headers={}, body=request.body),
    ):
        with pytest.raises(NotAllowed):
            receive(receiver, wrong)
    with pytest.raises(NotAllowed):
        receive(a_receiver("twilio", secrets=[secret], url="https://mycompany.com/other"), request)


def twilio(form, *, url="https://tocsin.example/hooks/receipts/post", secret="hunter2", **changes):
    text = url + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()
    request = Request(headers={"x-twilio-signature": signature}, body=urlencode(form).encode())
    return receive(a_receiver("twilio", url="https://tocsin.example/hooks/receipts/post", **changes), request).events[0]


@pytest.mark.parametrize(
    ("form", "kind", "hard", "reason"),
    [
        ({"MessageStatus": "sent"}, Kind.ACCEPTED, None, None),
        ({"MessageStatus": "delivered"}, Kind.DELIVERED, None, None),
        ({"MessageStatus": "undelivered", "ErrorCode": "30003"}, Kind.BOUNCED, False, "expired"),
        ({"MessageStatus": "undelivered", "ErrorCode": "30005"}, Kind.BOUNCED, True, "number-invalid"),
        ({"MessageStatus": "failed", "ErrorCode": "30007"}, Kind.REFUSED, False, "policy"),
        ({"MessageStatus": "failed", "ErrorCode": "99999"}, Kind.REFUSED, False, "other"),
        ({"CallStatus": "completed"}, Kind.DELIVERED, None, None),
        ({"CallStatus": "completed", "AnsweredBy": "machine_end_beep"}, Kind.ACCEPTED, None, None),
        ({"CallStatus": "no-answer"}, Kind.BOUNCED, False, "expired"),
        ({"MessageStatus": "dreaming"}, Kind.UNKNOWN, None, None),
    ],
)
def test_twilio_statuses_of_messages_and_calls(form, kind, hard, reason):
    event = twilio({"MessageSid": "SM1", "To": "+8613800138000", **form})

    assert (event.kind, event.hard, event.reason, event.provider_ref) == (kind, hard, reason, "SM1")
    assert "13800" not in repr(event)


def test_twilio_may_sign_with_the_standard_port():
    event = twilio({"MessageSid": "SM1", "MessageStatus": "sent"}, url="https://tocsin.example:443/hooks/receipts/post")

    assert event.kind is Kind.ACCEPTED


def test_standard_webhooks_are_signed_over_id_time_and_body():
    body = json.dumps({"type": "email.bounced", "data": {"email_id": "r1", "bounce": {"type": "Permanent"}}}).encode()
    stamp, key = str(int(NOW.timestamp())), b"k" * 24
    digest = hmac.new(key, b"msg_1." + stamp.encode() + b"." + body, hashlib.sha256).digest()
    headers = {
        "svix-id": "msg_1", "svix-timestamp": stamp,
        "svix-signature": f"v1a,zz v1,{base64.b64encode(digest).decode()}",
    }  # fmt: skip
    receiver = a_receiver("resend", secrets=["whsec_" + base64.b64encode(key).decode()])

    [event] = receive(receiver, Request(headers=headers, body=body)).events

    assert (event.event_id, event.kind, event.hard, event.provider_ref) == ("msg_1", Kind.BOUNCED, True, "r1")
    with pytest.raises(NotAllowed):
        receive(receiver, Request(headers=headers, body=body), now=NOW.add(minutes=6))
    with pytest.raises(NotAllowed):
        receive(receiver, Request(headers=headers, body=body + b" "))


def test_sendgrid_signs_with_a_key_of_which_we_hold_the_public_half():
    private = ec.generate_private_key(ec.SECP256R1())
    public = base64.b64encode(
        private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).decode()
    body, stamp = (
        json.dumps([{"event": "delivered", "sg_event_id": "e", "sg_message_id": "abc.filter1"}]).encode(),
        str(int(NOW.timestamp())),
    )
    signature = base64.b64encode(private.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    headers = {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": stamp,
    }

    [event] = receive(a_receiver("sendgrid", secrets=[public]), Request(headers=headers, body=body)).events

    assert event.provider_ref == "abc"
    for secret in (public[:-8] + "AAAAAAAA", "no key"):
        with pytest.raises(NotAllowed):
            receive(a_receiver("sendgrid", secrets=[secret]), Request(headers=headers, body=body))


def test_postal_signs_the_body_with_rsa():
    private = rsa.generate_private_key(65537, 2048)
    pem = (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    body = json.dumps({"event": "MessageSent", "uuid": "u", "payload": {"message": {"id": 7}}}).encode()
    old, new = (
        base64.b64encode(private.sign(body, padding.PKCS1v15(), way)).decode()
        for way in (hashes.SHA1(), hashes.SHA256())
    )
    receiver = a_receiver("postal", secrets=[pem])

    assert receive(receiver, Request(headers={"x-postal-signature": old}, body=body)).events
    assert receive(receiver, Request(headers={"x-postal-signature-256": new}, body=body)).events[0].provider_ref == "7"
    with pytest.raises(NotAllowed):
        receive(receiver, Request(headers={"x-postal-signature-256": old}, body=body))


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("Bearer hunter2", True), ("Basic " + base64.b64encode(b"user:hunter2").decode(), True), ("hunter2", True),
        ("Bearer hunter", False), ("Basic " + base64.b64encode(b"hunter2:x").decode(), False),
        ("Basic ???", False), ("", False),
    ],
)  # fmt: skip
def test_a_secret_that_is_sent_along(given, right):
    request = Request(headers={"authorization": given}, body=b'{"RecordType": "Delivery", "MessageID": "m"}')

    if right:
        assert receive(a_receiver("postmark"), request).events[0].kind is Kind.DELIVERED
    else:
        with pytest.raises(NotAllowed):
            receive(a_receiver("postmark"), request)


def test_a_sum_over_the_body_in_which_the_key_stands():
    text = '{"auth": "%s", "status": "delivered", "job_id": "j"}'
    body = (text % hashlib.md5((text % "hunter2").encode()).hexdigest()).encode()

    assert receive(a_receiver("unisender_go"), Request(headers={}, body=body)).events[0].kind is Kind.DELIVERED
    for wrong in (body.replace(b"delivered", b"hard_bounced"), b"{}", b"[", b'{"auth": "hunter2"}'):
        with pytest.raises(NotAllowed):
            receive(a_receiver("unisender_go"), Request(headers={}, body=wrong))


# Amazon SNS

TOPIC = "arn:aws:sns:eu-central-1:1234567890:receipts"
CERTIFICATE_URL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-abc.pem"
ses = Receiver(provider="post", service="amazon_ses", topics=(TOPIC,))


@pytest.fixture(scope="module")
def amazon():
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(NOW.subtract(days=1)).not_valid_after(NOW.add(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return key, certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def enveloped(amazon):
    def build(message=None, *, version="2", **changes):
        event = {
            "notificationType": "Bounce",
            "bounce": {
                "bounceType": "Permanent", "bounceSubType": "General", "timestamp": "2026-11-22T11:00:00Z",
                "bouncedRecipients": [{"emailAddress": "w@x.ex", "diagnosticCode": "smtp; 550 5.1.1 unknown user"}],
            },
            "mail": {
                "messageId": "ses-1",
                "headers": [{"name": "From", "value": "a@b.example"}, {"name": "Message-ID", "value": f"<{KEY}@b.ex>"}],
            },
        }  # fmt: skip
        fields = {
            "Type": "Notification", "MessageId": "n-1", "TopicArn": TOPIC, "Subject": "x",
            "Message": json.dumps(message or event), "Timestamp": "2026-11-22T11:59:00.000Z",
            "SignatureVersion": version, "SigningCertURL": CERTIFICATE_URL,
        } | changes  # fmt: skip
        way = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = amazon[0].sign(sns.signed_text(fields).encode(), padding.PKCS1v15(), way)
        return {"Signature": base64.b64encode(signature).decode()} | fields

    return build


def posted(fields):
    return Request(headers={}, body=json.dumps(fields).encode())


@pytest.mark.parametrize("version", ["1", "2"])
def test_ses_events_come_in_a_signed_envelope(amazon, enveloped, version):
    [event] = receive(ses, posted(enveloped(version=version)), fetch=lambda _: amazon[1]).events

    assert (event.event_id, event.kind, event.hard, event.reason) == ("n-1", Kind.BOUNCED, True, "mailbox-unknown")
    assert (event.provider_ref, event.key, event.recipient) == ("ses-1", KEY, None)


@pytest.mark.parametrize(
    "change",
    [
        {"Message": "{}"}, {"MessageId": "n-2"}, {"Signature": "AAAA"}, {"Signature": "?"}, {"SignatureVersion": "1"},
        {"SignatureVersion": "3"}, {"TopicArn": "arn:aws:sns:eu-central-1:666:theirs"}, {"TopicArn": ["x"]},
        {"Timestamp": "2026-11-22T10:00:00Z"}, {"Timestamp": None},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com.evil.example/x.pem"},
        {"SigningCertURL": "https://evil.example/sns.eu-central-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "http://sns.eu-central-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://u@sns.eu-central-1.amazonaws.com/x.pem"},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com:8443/x.pem"},
        {"SigningCertURL": "https://sns.eu-central-1.amazonaws.com/x.txt"},
        {"SigningCertURL": "https://[::1"},
    ],
)  # fmt: skip
def test_an_envelope_that_was_changed_or_points_elsewhere_is_refused(amazon, enveloped, change):
    asked = []

    def fetch(url):
        asked.append(url)
        return amazon[1]

    with pytest.raises(NotAllowed):
        receive(ses, posted(enveloped() | change), fetch=fetch)

    assert set(asked) <= {CERTIFICATE_URL}


def test_a_certificate_that_ran_out_proves_nothing(amazon, enveloped):
    later = {"Timestamp": "2026-11-24T11:59:00.000Z"}

    with pytest.raises(NotAllowed):
        receive(ses, posted(enveloped(**later)), fetch=lambda _: amazon[1], now=NOW.add(days=2))


def test_a_certificate_is_fetched_once(amazon, enveloped):
    asked = []
    certificates = sns.Certificates(lambda url: asked.append(url) or amazon[1])

    for _ in range(3):
        webhooks.receive(ses, posted(enveloped()), certificates=certificates, now=NOW)

    assert asked == [CERTIFICATE_URL]


def test_a_subscription_is_confirmed_for_our_topics_only(amazon, enveloped):
    question = {
        "Type": "SubscriptionConfirmation", "Token": "t", "Message": "You have chosen to subscribe",
        "SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription",
    }  # fmt: skip

    ours = receive(ses, posted(enveloped(**question)), fetch=lambda _: amazon[1])

    assert (ours.events, ours.confirm_url) == ((), question["SubscribeURL"])
    with pytest.raises(NotAllowed):
        receive(
            ses, posted(enveloped(**question, TopicArn="arn:aws:sns:eu-central-1:1:other")), fetch=lambda _: amazon[1]
        )
    gone = receive(ses, posted(enveloped(**question | {"Type": "UnsubscribeConfirmation"})), fetch=lambda _: amazon[1])
    assert gone.confirm_url is None


@pytest.mark.parametrize(
    "url", ["https://evil.example/", "http://sns.x.amazonaws.com/", "https://sns.us-east-1.amazonaws.com@evil/"]
)
def test_nothing_is_fetched_from_elsewhere(url):
    assert not sns.is_amazons(url)


def test_amazons_own_hosts_are_known():
    assert sns.is_amazons("https://sns.us-east-1.amazonaws.com/x.pem")
    assert sns.is_amazons("https://sns.cn-north-1.amazonaws.com.cn/x.pem")
