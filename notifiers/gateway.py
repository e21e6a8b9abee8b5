"""The gateway contract as an Apprise plugin: a JSON service for push, SMS or voice that a company can run itself.

`gateway://TOKEN@host:port/push/?to=ADDRESS` posts to `http://host:port/push`; `gateways://` uses TLS. The contract is
docs/providers.md.
"""

import json
from typing import Any, ClassVar

import requests
from apprise.plugins import base as apprise_plugins

_Plugin: Any = apprise_plugins.NotifyBase  # its annotations forbid what every plugin of its own does

SERVICES = ("push", "sms", "voice")


class NotifyGateway(_Plugin):  # type: ignore[misc]
    """One service of a gateway. Targets are device tokens (push) or E.164 numbers (sms, voice)."""

    service_name = "Gateway"
    setup_url = "https://appriseit.com/"
    protocol = "gateway"
    secure_protocol = "gateways"
    request_rate_per_sec = 0
    body_maxlen = 32768
    title_maxlen = 250
    templates: ClassVar[tuple[str, ...]] = (
        "{schema}://{user}@{host}:{port}/{service}",
        "{schema}://{user}@{host}/{service}",
    )
    template_tokens: ClassVar[dict[str, Any]] = {
        **_Plugin.template_tokens,
        "host": {"name": "Hostname", "type": "string", "required": True},
        "port": {"name": "Port", "type": "int", "min": 1, "max": 65535},
        "user": {"name": "Token", "type": "string", "private": True, "required": True},
        "service": {"name": "Service", "type": "choice:string", "values": SERVICES, "required": True},
    }
    template_args: ClassVar[dict[str, Any]] = {
        **_Plugin.template_args,
        "to": {"name": "Address", "type": "string", "map_to": "targets"},
    }

    def __init__(self, service: str, targets: list[str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if service not in SERVICES or not self.user:
            raise TypeError("A gateway URL names a token and one of push, sms, voice.")
        self.service = service
        self.targets = [target for target in targets or [] if target]
        self.language: str | None = None
        self.reference: str | None = None

    @property
    def endpoint(self) -> str:
        """The URL that messages are posted to."""
        port = f":{self.port}" if self.port else ""
        return f"{'https' if self.secure else 'http'}://{self.host}{port}/{self.service}"

    def send(self, body: str, title: str = "", **_kwargs: Any) -> bool:
        """Post the message to each target; True when the gateway took them all."""
        return bool(self.targets) and all(self._post(target, title, body) for target in self.targets)

    def _post(self, target: str, title: str, body: str) -> bool:
        content = {"to": target, "title": title, "body": body, "language": self.language, "reference": self.reference}
        headers = {
            "Authorization": f"Bearer {self.user}",
            "Content-Type": "application/json",
            "User-Agent": self.app_id,
        }
        if self.reference:
            headers["Idempotency-Key"] = self.reference
        try:
            answer = requests.post(
                self.endpoint,
                data=json.dumps(content, ensure_ascii=False).encode(),
                headers=headers,
                verify=self.verify_certificate,
                timeout=self.request_timeout,
                allow_redirects=False,
            )
        except requests.RequestException:
            return False
        return took(answer.status_code, answer.content)

    def url(self, privacy: bool = False, *args: Any, **kwargs: Any) -> str:
        """The URL of this plugin; the token is masked when `privacy` is asked for."""
        token = self.pprint(self.user, privacy, safe="")
        port = f":{self.port}" if self.port else ""
        scheme = self.secure_protocol if self.secure else self.protocol
        query = {**self.url_parameters(*args, privacy=privacy, **kwargs), "to": ",".join(self.targets)}
        return f"{scheme}://{token}@{self.host}{port}/{self.service}/?{self.urlencode(query)}"

    def __len__(self) -> int:
        return max(1, len(self.targets))

    @staticmethod
    def parse_url(url: str) -> Any:
        """The arguments of the constructor from a URL; None when it is no URL."""
        results = _Plugin.parse_url(url, verify_host=True)
        if not results:
            return results
        path = NotifyGateway.split_path(results["fullpath"])
        results["service"] = path[0] if len(path) == 1 else ""
        # Not a list to be split: one URL is one address, whatever signs a device token holds.
        results["targets"] = [NotifyGateway.unquote(results["qsd"].get("to", ""))]
        return results


def took(status: int, content: bytes) -> bool:
    """Whether the gateway's answer says that it took the message (2xx and `status: accepted`)."""
    if status not in {200, 201, 202}:
        return False
    try:
        answer = json.loads(content)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("status") == "accepted"
