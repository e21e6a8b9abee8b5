"""A kept `requests.Session`."""

import os

import requests
from push_words import asked, job, measured

given = job()
os.environ["REQUESTS_CA_BUNDLE"] = given["bundle"]


def send() -> None:
    with requests.Session() as kept:
        if given["channel"] == "sms":
            kept.auth = (given["account"], given["token"])
        for number in range(given["count"]):
            url, kwargs = asked(given, number)
            answer = kept.post(url, **kwargs)
            assert answer.status_code == 201
            assert answer.json()["sid"]


measured(given["count"], send)
