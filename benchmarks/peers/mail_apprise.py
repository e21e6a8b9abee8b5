"""Apprise in a plain loop, as its documentation writes it: one object a recipient."""

import logging

import apprise
from standing import SENDER, address, filled, job, measured

given = job()
logging.disable()


def send() -> None:
    for number in range(given["count"]):
        one = apprise.Apprise()
        one.add(f"mailto://127.0.0.1:{given['port']}/{address(number)}?from={SENDER}&mode=insecure")
        letter = given["letter"]
        assert one.notify(title=letter["subject"], body=filled(letter["html"], number), body_format="html")


measured(given["count"], send)
