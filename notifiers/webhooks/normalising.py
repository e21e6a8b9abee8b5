"""From what a service said to an event of ours: the person's address goes, closed words stay."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator

from pendulum import DateTime

from notifiers import mail
from notifiers.answers import Reason
from notifiers.bounces import judging
from notifiers.bounces.judging import Failure
from notifiers.webhooks import codes
from notifiers.webhooks.mapping import Said
from tocsin.delivery import Event, Kind

_FAILURES = {Kind.BOUNCED, Kind.REFUSED, Kind.DEFERRED}
_EVENT_ID = re.compile(r"[!-?A-~]{1,200}\Z")  # printable, and no @
_ID = re.compile(r"[!-~]{1,200}\Z")
_WORD = re.compile(r"[\w./ :-]{1,80}\Z")
_CODE = re.compile(r"(?!.*[0-9]{7})[A-Za-z0-9._:-]{1,40}\Z")  # a code, and neither an address nor a number
_SHORTEST_KEY = 16  # digits: a shorter one may be a word
_NUMBER = re.compile(r"[0-9]{7}")


def events(
    said: Iterable[Said],
    *,
    provider: str,
    received: DateTime,
    whose_codes: str | None,
    hashed: Callable[[str], str | None],
) -> Iterator[Event]:
    """One event for each thing said; of the same id, the later ones are told apart by their recipients' order."""
    times: dict[str, int] = {}
    for one in said:
        event_id = one.id if _EVENT_ID.match(one.id) and one.id != one.recipient else _pseudonym(one.id, hashed)
        number = times[event_id] = times.get(event_id, -1) + 1
        yield _event(one, event_id if not number else f"{event_id}#{number}", provider, received, whose_codes, hashed)


def _pseudonym(text: str, hashed: Callable[[str], str | None]) -> str:
    """An id in place of one that may be somebody's address."""
    return hashed(text) or hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _event(
    said: Said,
    event_id: str,
    provider: str,
    received: DateTime,
    whose_codes: str | None,
    hashed: Callable[[str], str | None],
) -> Event:
    kind = said.meaning.kind
    hard, reason, code = _why(said, whose_codes) if kind in _FAILURES else (None, None, None)
    return Event(
        provider=provider,
        event_id=event_id,
        kind=kind,
        at=min(said.at, received) if said.at else received,  # nothing has happened in the future
        hard=hard if kind is not Kind.DEFERRED else False,
        reason=reason,
        code=code,
        recipient=hashed(said.recipient.lower()) if said.recipient else None,
        key=_key(said.keys),
        provider_ref=said.message
        if said.message and _ID.match(said.message) and said.message != said.recipient
        else None,
        word=said.word if _WORD.match(said.word) and not _NUMBER.search(said.word) else None,
    )


def _why(said: Said, whose_codes: str | None) -> tuple[bool | None, str, str | None]:
    """Hard or not, the reason, the code: from the service's own word where it tells, else from what the server said."""
    code = said.code if said.code and _CODE.match(said.code) else None
    known = codes.look_up(whose_codes, said.code) if whose_codes and said.code else None
    judged = judging.judge(Failure(address="", action="failed", status=None, words=said.said)) if said.said else None
    if known is not None:
        hard, reason = known.hard, known.reason
    elif said.meaning.reason is not None:
        hard, reason = bool(said.meaning.hard), said.meaning.reason
    elif judged is not None and judged.reason is not Reason.OTHER:
        hard, reason = judged.hard and said.meaning.hard is not False, judged.reason.value
    else:
        hard, reason = bool(said.meaning.hard), Reason.OTHER.value
    return hard, reason, (judged.code if judged else None) or code


def _key(stated: Iterable[str]) -> str | None:
    for text in stated:
        key = text if mail.KEY.match(text) else mail.key_of_message_id(text) or mail.key_of_return_path(text)
        if key is not None and len(key) >= _SHORTEST_KEY:
            return key
    return None
