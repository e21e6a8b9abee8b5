"""django-post_office: letters are queued in SQLite, rendered, and sent by eight threads; both halves are timed."""

import logging
import sys
from pathlib import Path

import django
from django.conf import settings
from standing import SENDER, address, filled, job, measured

SESSIONS = 8
given = job()
folder = Path(given["folder"])
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "queue.db"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    EMAIL_BACKEND="post_office.EmailBackend",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=given["port"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    SECRET_KEY="only for this run",
    POST_OFFICE={
        "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
        "BATCH_SIZE": 1000,
        "THREADS_PER_PROCESS": SESSIONS,
        "LOG_LEVEL": 0,
        "MESSAGE_ID_ENABLED": True,
        "MESSAGE_ID_FQDN": "notices.example",
    },
)
django.setup()
logging.disable()

from django.core.management import call_command  # noqa: E402
from post_office import mail  # noqa: E402
from post_office.models import STATUS, Email  # noqa: E402

call_command("migrate", verbosity=0)


def send() -> None:
    words = given["letter"]
    for start in range(0, given["count"], 1000):
        mail.send_many(
            [
                {
                    "recipients": [address(number)],
                    "sender": SENDER,
                    "subject": words["subject"],
                    "message": filled(words["text"], number),
                    "html_message": filled(words["html"], number),
                }
                for number in range(start, min(start + 1000, given["count"]))
            ]
        )
    while Email.objects.filter(status=STATUS.queued).exists():
        mail.send_queued(processes=1, log_level=0)


measured(given["count"], send)
done = Email.objects.filter(status=STATUS.sent).count()
sys.exit(0 if done == given["count"] else f"{done} of {given['count']} were sent")
