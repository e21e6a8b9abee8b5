"""Reports as e-mail services send them, and codes of SMS and push services, beside other people's expectations."""

import csv
import json
import os
from pathlib import Path

import pendulum
import pytest

from notifiers import webhooks
from notifiers.webhooks import codes, normalising, proofs
from notifiers.webhooks.mapping import read
from tocsin.delivery import Kind

CORPUS = Path(os.environ.get("TOCSIN_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "06-delivery"
NOW = pendulum.datetime(2026, 11, 22, 12)

needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here; set TOCSIN_CORPUS to its folder")

AS_OURS = {"queued": "accepted", "sent": "accepted", "rejected": "refused", "failed": "refused"}
# The custom metadata and the header by which the source's own library knows a message; no service sends them to us.
NOT_IN_THE_PAYLOAD = {
    "webhook:resend:ResendTestCase:test_sent_event": "event_id",
    "webhook:sendgrid:SendGridDeliveryTestCase:test_delivered_event": "message_id",
    "webhook:sendgrid:SendGridDeliveryTestCase:test_bounce_event": "message_id",
    "webhook:unisender_go:UnisenderGoTestCase:test_sent_event": "message_id",
}


def rows_of_webhooks():
    path = CORPUS / "email_webhooks.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def normalised(row):
    payloads, headers = row["payloads"], {}
    document = next(iter(payloads.values()))
    if "raw_sns_message" in payloads:
        envelope = payloads["raw_sns_message"]
        document, headers = json.loads(envelope["Message"]), {"x-amz-sns-message-id": envelope["MessageId"]}
    mapping = webhooks.load(row["provider"]).mapping
    said = read(mapping, document, headers)
    found = normalising.events(said, provider="post", received=NOW, whose_codes=mapping.codes, hashed=lambda to: to)
    return list(zip(said, found, strict=True))


@needs_corpus
@pytest.mark.parametrize("row", [pytest.param(row, id=row["id"]) for row in rows_of_webhooks()])
def test_a_report_of_each_service_is_normalised_exactly(row):
    pairs, expect = normalised(row), row["expect"]
    found = {
        "event_type": [event.kind.value for _, event in pairs],
        "recipient": [said.recipient for said, _ in pairs],
        "message_id": [event.provider_ref for _, event in pairs],
        "event_id": [event.event_id for _, event in pairs],
        "mta_response": [said.said for said, _ in pairs],
    }

    for name, values in expect.items():
        if name == "reject_reason" or NOT_IN_THE_PAYLOAD.get(row["id"]) == name:
            continue
        assert found[name] == [AS_OURS.get(str(one), str(one)) if one is not None else None for one in values], name
    for why, (_, event) in zip(expect.get("reject_reason", []), pairs, strict=False):
        assert why != "invalid" or event.hard
        assert why != "spam" or event.kind is Kind.COMPLAINED
        assert why != "blocked" or event.kind is Kind.REFUSED


@needs_corpus
def test_the_services_of_the_corpus_are_all_here():
    rows = rows_of_webhooks()

    assert len(rows) == 58
    assert {row["provider"] for row in rows} <= set(webhooks.names())


@needs_corpus
def test_codes_of_sms_and_push_services_have_the_class_that_was_judged():
    with (CORPUS / "provider_codes.csv").open(newline="") as text:
        rows = list(csv.DictReader(text))

    for row in rows:
        known = codes.look_up(row["provider"], row["code"])
        assert known is not None, row
        assert known.about == row["class_our_judgement"], row
        assert known.hard is (row["class_our_judgement"] == "permanent")
    assert len(rows) == 27


def test_every_service_file_is_whole():
    for name in webhooks.names():
        service = webhooks.load(name)

        assert service.mapping.word
        assert isinstance(service.proof, proofs._Proof)
        for meaning in service.mapping.words.values():
            assert meaning.hard is None or meaning.kind in {Kind.BOUNCED, Kind.REFUSED, Kind.DEFERRED}
