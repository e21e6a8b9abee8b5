"""Apprise with one object kept: its target changed for each message, its throttle off."""

import logging
import os

from push_words import CHANNELS, job, measured, wanted

given = job()
os.environ["REQUESTS_CA_BUNDLE"] = given["bundle"]

import apprise  # noqa: E402
from apprise.plugins.custom_json import NotifyJSON  # noqa: E402
from apprise.plugins.twilio import NotifyTwilio  # noqa: E402

logging.disable()
sms = given["channel"] == CHANNELS[0]
NotifyTwilio.notify_sms_url = given["base"] + "/2010-04-01/Accounts/{sid}/Messages.json"
NotifyTwilio.request_rate_per_sec = NotifyJSON.request_rate_per_sec = 0
scheme, host = given["base"].split("://")
url = (
    f"twilio://{given['account']}:{given['token']}@15005550006/8613800138000"
    if sms
    else f"{'jsons' if scheme == 'https' else 'json'}://{host}/push?+Authorization=Bearer%20{given['token']}"
)
plugin = apprise.Apprise.instantiate(url)
kept = apprise.Apprise()
kept.add(plugin)


def send() -> None:
    for number in range(given["count"]):
        to, text = wanted(given, number)
        if sms:
            plugin.targets = [(*plugin.targets[0][:-1], to)] if isinstance(plugin.targets[0], tuple) else [to]
        else:
            plugin.payload_extras = {"to": to}
        assert kept.notify(title="" if sms else given["subject"], body=text)


measured(given["count"], send)
