"""Asks the daemon by HTTP, as a browser or curl does, and follows its events."""

from __future__ import annotations

import http.client
import json

import ask


def get(path: str, address: str = "127.0.0.1", *, method: str = "GET", host: str | None = None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(address, ask.EPMD_PORT, timeout=ask.SECONDS)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def page(path: str, address: str = "127.0.0.1") -> dict:
    answer = get(path, address)
    assert answer.status == 200, answer.text
    return json.loads(answer.text)


class Events:
    """Follows the events, and gives one after another."""

    def __init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", ask.EPMD_PORT, timeout=ask.SECONDS)
        self.connection.request("GET", "/events")
        self.answer = self.connection.getresponse()

    def next(self) -> tuple[str, dict]:
        """Passes over those that only say more of a node, such as who owns it: they come when that is found."""
        found = self.next_()
        while found[0] == "changed":
            found = self.next_()
        return found

    def next_(self) -> tuple[str, dict]:
        name = self.answer.readline().decode()
        data = self.answer.readline().decode()
        assert name.startswith("event: ") and data.startswith("data: "), (name, data)
        assert self.answer.readline() == b"\n"
        return name.removeprefix("event: ").strip(), json.loads(data.removeprefix("data: "))

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self.connection.close()
