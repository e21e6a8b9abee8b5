"""A delivery status notification (RFC 3464) as a mail server would send it back."""

from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText

from pendulum import DateTime


def undeliverable(original: Message, *, sender: str, recipient: str, status: str, at: DateTime) -> str:
    """The report that `original` could not be delivered to `recipient`, addressed to its envelope `sender`."""
    report = MIMEMultipart("report")
    report.set_param("report-type", "delivery-status")
    report["From"] = "Mail Delivery System <mailer-daemon@fake.example>"
    report["To"] = sender
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = at.to_rfc2822_string()
    report["Auto-Submitted"] = "auto-replied"
    report.attach(MIMEText("Your message could not be delivered.\n", "plain", "us-ascii"))
    report.attach(_status(recipient, status, at))
    report.attach(_returned_headers(original))
    return report.as_string()


def _status(recipient: str, status: str, at: DateTime) -> Message:
    of_message, of_recipient = Message(), Message()
    of_message["Reporting-MTA"] = "dns; fake.example"
    of_message["Arrival-Date"] = at.to_rfc2822_string()
    of_recipient["Final-Recipient"] = f"rfc822; {recipient}"
    of_recipient["Action"] = "failed"
    of_recipient["Status"] = status
    of_recipient["Diagnostic-Code"] = f"smtp; 550 {status} <{recipient}>: Recipient address rejected: User unknown"
    part = MIMENonMultipart("message", "delivery-status")
    part.set_payload([of_message, of_recipient])
    return part


def _returned_headers(original: Message) -> Message:
    headers = EmailMessage()
    headers.set_content("".join(f"{name}: {value}\n" for name, value in original.items()), subtype="rfc822-headers")
    del headers["MIME-Version"]
    return headers
