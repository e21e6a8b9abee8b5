"""Requests as bytes: the same as `requests` would send, and never a header too many."""

import urllib.parse

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.auth import HTTPDigestAuth

from notifiers.carriers import http_messages
from notifiers.carriers.http_messages import Composer

URL = "http://service.example:8080/v1/send?who=a%20b"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def composed(method="post", url=URL, **kwargs):
    return Composer().compose(method, url, kwargs)


def split(asked):
    head, _, body = asked.content.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    return first, dict(field.split(": ", 1) for field in fields), body


def as_requests_has_it(method="post", url=URL, **kwargs):
    with requests.Session() as session:
        prepared = session.prepare_request(requests.Request(method.upper(), url, **kwargs))
    body = prepared.body or b""
    return prepared, body.encode() if isinstance(body, str) else body


@given(st.dictionaries(texts, texts, max_size=4))
def test_a_form_is_encoded_as_the_standard_library_does(data):
    assert http_messages.form(data) == urllib.parse.urlencode(data).encode()


@pytest.mark.parametrize("data", [{"to": ["a", "b"]}, {"n": 1}, {"none": None}, {b"name": "x"}])
def test_a_form_of_more_than_strings_is_left_to_requests(data):
    assert http_messages.form(data) is None
    assert split(composed(data=data))[2] == as_requests_has_it(data=data)[1]


@pytest.mark.parametrize(
    "kwargs",
    [
        {"data": {"Body": "您好 & goodbye", "To": "+8613800138000"}, "auth": ("user", "secret")},
        {"data": '{"to": "您"}', "headers": {"Content-Type": "application/json"}},
        {"data": b"\x00\xff", "headers": {"X-Odd": b"bytes", "X-None": None}},
        {"json": {"to": "您", "n": [1]}},
        {"data": {"a": "b"}, "params": {"to": "+86 138", "text": "您"}},
        {"data": [("a", "1"), ("a", "2")]},
        {"headers": {"authorization": "Bearer T", "user-agent": "Tocsin"}},
        {"method": "get", "params": {"a": "b"}},
        {"method": "put"},
        {"data": {}},
        {"data": ""},
        {"method": "delete", "url": "http://service.example/a/../b c/ü?x=%41#part"},
        {"url": "http://user:pass@[::1]:8080/"},
        {"url": "http://bücher.example/"},
        {"url": "HTTPS://Service.Example:443"},
    ],
)
def test_a_request_is_what_requests_would_send(kwargs):
    prepared, body = as_requests_has_it(**kwargs)

    first, fields, content = split(composed(**kwargs))

    where = urllib.parse.urlsplit(prepared.url)
    target = where._replace(scheme="", netloc="", fragment="").geturl() or "/"
    assert first == f"{prepared.method} {target} HTTP/1.1"
    assert content == body
    assert fields.pop("Host") == where.netloc.removesuffix(":443").rpartition("@")[2]
    assert fields.pop("Accept-Encoding") == "identity"
    of_session = {"Accept-Encoding", "Connection"}
    expected = {name.lower(): value for name, value in prepared.headers.items() if name not in of_session}
    expected = {name: value.decode() if isinstance(value, bytes) else value for name, value in expected.items()}
    assert {name.lower(): value for name, value in fields.items()} == expected


def test_one_message_differs_from_the_next_in_its_key_and_its_body_only():
    composer = Composer()

    def of(number):
        headers = {"X-App": "t", "Idempotency-Key": f"key-{number}"}
        return composer.compose("post", URL, {"headers": headers, "data": {"n": str(number)}, "auth": ("u", "p")})

    first, second = of(1), of(2)
    assert first.shape is second.shape
    assert split(first)[1]["Idempotency-Key"] == "key-1"
    assert split(second)[1]["Idempotency-Key"] == "key-2"
    assert split(second)[2] == b"n=2"


@pytest.mark.parametrize("auth", [("u", "p"), ("v", "p"), None])
def test_credentials_of_one_request_are_not_those_of_another(auth):
    composer = Composer()
    composer.compose("post", URL, {"data": "x", "auth": ("u", "p")})

    fields = split(composer.compose("post", URL, {"data": "x", "auth": auth}))[1]

    assert fields.get("Authorization") == (requests.auth._basic_auth_str(*auth) if auth else None)


@pytest.mark.parametrize("name", ["X-Title", "Idempotency-Key"])
@pytest.mark.parametrize("value", ["a\r\nTo: b", "a\nb", "a\r\n\r\nGET / HTTP/1.1", "\r\n"])
def test_a_header_cannot_be_broken_out_of(name, value):
    with pytest.raises(requests.exceptions.InvalidHeader):
        composed(headers={name: value}, data="x")


@pytest.mark.parametrize("url", ["http://service.example/\r\nX-A: b", "http://service.example/a b?c\nd=e#f"])
def test_an_address_in_a_url_cannot_break_out_of_the_request_line(url):
    first, fields, _body = split(composed(url=url, data="x"))

    assert first.count(" ") == 2
    assert set(fields) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Content-Length"}


def test_a_header_in_chinese_is_an_error_that_plugins_handle():
    with pytest.raises(requests.RequestException):
        composed(headers={"X-Title": "通知"}, data="x")


@pytest.mark.parametrize("url", ["", "service.example/x", "http://", "http://*.example/"])
def test_a_url_that_is_none_is_an_error_that_plugins_handle(url):
    with pytest.raises(requests.RequestException):
        composed(url=url, data="x")


@pytest.mark.parametrize(
    "kwargs",
    [
        {"files": {"file": ("name", b"x")}},
        {"stream": True},
        {"cert": "client.pem"},
        {"proxies": {"http": "http://proxy.example"}},
        {"data": iter([b"x"])},
        {"method": "head"},
    ],
)
def test_what_a_kept_line_does_not_do_is_left_to_a_session(kwargs):
    assert composed(**kwargs) is None


def test_what_is_empty_needs_no_session():
    assert composed(data="x", files=None, stream=False, cert=None, proxies={}) is not None


def test_a_proxy_of_the_environment_is_left_to_a_session(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")

    assert composed(data="x") is None
    assert composed(url="http://inside.example/", data="x") is not None


def test_certificates_of_the_environment_are_believed_as_requests_believes_them(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ours.pem")

    assert composed(url="https://a.example/", data="x").shape.origin.verify == "/etc/ours.pem"
    assert composed(url="https://a.example/", data="x", verify=False).shape.origin.verify is False


def test_other_credentials_than_a_name_and_a_password_sign_each_request_anew():
    assert "Authorization" not in split(composed(data="x", auth=HTTPDigestAuth("u", "p")))[1]


@pytest.mark.parametrize(("timeout", "seconds"), [((4.0, 30.0), (4.0, 30.0)), (5, (5, 5)), (None, (None, None))])
def test_the_two_waiting_times_are_those_of_requests(timeout, seconds):
    asked = composed(data="x", timeout=timeout)

    assert (asked.connect_seconds, asked.read_seconds) == seconds


def test_few_shapes_are_remembered_and_none_after_the_end():
    composer = Composer()
    for number in range(500):
        composer.compose("post", f"http://service.example/{number}", {"data": "x"})

    assert len(composer._shapes) <= 64
    composer.forget()
    assert not composer._shapes


def answered(*fields, content=b"{}", status=200):
    return http_messages.response(status, fields, content, url=URL)


def test_an_answer_is_a_real_response():
    answer = answered((b"Content-Type", b"application/json; charset=utf-8"), content='{"a": "您"}'.encode(), status=201)

    assert isinstance(answer, requests.Response)
    assert (answer.status_code, answer.ok, answer.url) == (201, True, URL)
    assert answer.json() == {"a": "您"}
    assert answer.text == '{"a": "您"}'
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert answer.headers.get("missing") is None
    assert (answer.history, list(answer.cookies), answer.reason, answer.links) == ([], [], None, {})
    with pytest.raises(AttributeError):
        answer.no_such_thing  # noqa: B018
    with pytest.raises(requests.HTTPError):
        answered(status=500).raise_for_status()


def test_fields_that_come_twice_are_joined():
    answer = answered((b"X-A", b"1"), (b"x-a", b"2"))

    assert answer.headers == {"x-a": "1, 2"}


def test_an_answer_that_is_packed_unasked_is_unpacked():
    import gzip

    assert answered((b"Content-Encoding", b"gzip"), content=gzip.compress(b"yes")).content == b"yes"
    with pytest.raises(requests.RequestException):
        answered((b"Content-Encoding", b"gzip"), content=b"not gzip")


def test_a_packed_answer_does_not_burst():
    import gzip

    bomb = gzip.compress(b"0" * (http_messages.LIMIT * 8))

    assert len(answered((b"Content-Encoding", b"gzip"), content=bomb).content) <= http_messages.LIMIT
