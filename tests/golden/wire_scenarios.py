"""What is said to an epmd on the wire, for the transcripts: every request, every way in which one can be wrong, every end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import ask
from conversation import DUMP, KILL, NAMES, Conversation, alive2, lookup, stop
from neighbour import OURS, OURS_V6, Neighbour


@dataclass
class Scenario:
    tell: Callable[[Conversation], None]
    flags: tuple[str, ...]

    @property
    def title(self) -> str:
        return self.tell.__name__.replace("_", " ")


SCENARIOS: list[Scenario] = []
RELAXED = ("-relaxed_command_check",)
ONE_SECOND = ("-packet_timeout", "1")


def scenario(*flags: str) -> Callable[[Callable[[Conversation], None]], Callable[[Conversation], None]]:
    def enter(tell: Callable[[Conversation], None]) -> Callable[[Conversation], None]:
        SCENARIOS.append(Scenario(tell, flags))
        return tell

    return enter


# ---- registrations, lookups, lists


@scenario()
def a_node_registers_is_found_is_listed_and_leaves(story: Conversation) -> None:
    node = story.registered("node", alive2(b"idfe", 5000, extra=b"more"))
    for body in (lookup(b"idfe"), lookup(b"other"), NAMES):
        story.peer("asks").request(body).gets()
    node.leave()
    for body in (lookup(b"idfe"), NAMES):
        story.peer("asks").request(body).gets()


@scenario()
def every_field_of_a_registration_comes_back(story: Conversation) -> None:
    for name, fields in (
        (b"zeros", dict(port=0, node_type=0, protocol=0, highest=0, lowest=0)),
        (b"hidden", dict(port=1, node_type=72, protocol=1, highest=5, lowest=5)),
        (b"ei", dict(port=32768, node_type=104, protocol=7, highest=6, lowest=6)),
        (b"java", dict(port=65535, node_type=110, protocol=255, highest=65535, lowest=65535)),
        (b"upside-down", dict(port=4369, node_type=255, protocol=0, highest=5, lowest=6)),
    ):
        story.registered(name.decode(), alive2(name, **fields))
        story.peer("asks").request(lookup(name)).gets()
    story.peer("asks").request(NAMES).gets()


@scenario()
def names_are_listed_newest_first_and_a_name_that_comes_back_is_the_newest(story: Conversation) -> None:
    nodes = {name: story.registered(name, alive2(name.encode(), 5000 + number)) for number, name in enumerate("abcd")}
    nodes["b"].leave()
    story.registered("b", alive2(b"b", 6000))
    story.peer("asks").request(NAMES).gets()


@scenario()
def a_registration_through_ipv6_is_in_the_same_table(story: Conversation) -> None:
    story.peer("node", "::1").request(alive2(b"idfe")).gets_alive2_reply()
    story.peer("asks").request(lookup(b"idfe")).gets()
    story.peer("asks", "::1").request(NAMES).gets()


@scenario()
def extra_data_comes_back_as_it_was(story: Conversation) -> None:
    for number, extra in enumerate((b"\0", b"ABC\0\0", b"\0" * 20, bytes(range(256)), b"e" * 1020, b"e" * 1021, b"e" * 2000)):
        node = story.registered(f"node{number}", alive2(b"n%d" % number, extra=extra))
        story.peer("asks").request(lookup(b"n%d" % number)).gets()
        node.leave()


@scenario()
def a_lookup_may_end_with_one_nul(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    for name in (b"idfe\0", b"idfe\0\0", b"id\0fe", b"\0idfe", b"\0", b"", b"idf", b"idfee", b"IDFE"):
        story.peer("asks").request(lookup(name)).gets()


# ---- creations


@scenario()
def a_wide_creation_grows_by_one_when_a_name_comes_back(story: Conversation) -> None:
    for _ in range(5):
        story.registered("node", alive2(b"idfe")).leave()


@scenario()
def a_narrow_creation_is_the_next_of_three_when_a_name_comes_back(story: Conversation) -> None:
    for _ in range(7):
        story.registered("node", alive2(b"idfe", highest=5)).leave()


@scenario()
def wide_and_narrow_creations_count_together(story: Conversation) -> None:
    for highest in (6, 5, 6, 5, 5, 7, 0, 65535):
        story.registered("node", alive2(b"idfe", highest=highest)).leave()


@scenario()
def each_name_counts_for_itself(story: Conversation) -> None:
    for name in (b"a", b"b", b"a", b"a", b"b"):
        story.registered("node", alive2(name)).leave()


@scenario()
def a_refusal_does_not_count(story: Conversation) -> None:
    node = story.registered("node", alive2(b"idfe"))
    for _ in range(3):
        story.registered("twin", alive2(b"idfe", 5001)).leave()
    node.leave()
    story.registered("node", alive2(b"idfe"))


# ---- names that are taken, and names that are none


@scenario()
def a_name_that_is_taken_is_refused_in_the_form_that_its_sender_reads(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    for highest in (4, 5, 6, 7):
        story.registered("twin", alive2(b"idfe", 5001, highest=highest))
    story.peer("asks").request(lookup(b"idfe")).gets()


@scenario()
def a_name_that_became_free_is_had_again(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe", 5000)).leave()
    story.registered("node", alive2(b"idfe", 5001)).reset()
    story.registered("node", alive2(b"idfe", 5002))
    story.peer("asks").request(lookup(b"idfe")).gets()


def judge_names(story: Conversation, *names: bytes) -> None:
    for number, name in enumerate(names):
        node = story.registered(f"node{number}", alive2(name, 5000 + number))
        story.peer("asks").request(lookup(name)).gets()
        story.peer("asks").request(NAMES).gets()
        node.leave()


@scenario()
def names_are_utf_8(story: Conversation) -> None:
    judge_names(story, "å".encode(), "€".encode(), "😈".encode(), "naïve名前".encode(), b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xf4\x8f\xbf\xbf")


@scenario()
def what_is_not_utf_8_is_no_name(story: Conversation) -> None:
    judge_names(
        story,
        *(b"\x80", b"\xff", b"a\xbf", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"),  # stray and missing continuation bytes
        *(b"\xc3a", b"\xe2a\xac", b"\xf0\x9f\x98a"),
        *(b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf"),  # overlong
        *(b"\xed\xa0\x80", b"\xed\xbf\xbf"),  # surrogates
        *(b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"),  # above U+10FFFF
    )


@scenario()
def a_name_has_at_most_254_characters_or_255(story: Conversation) -> None:
    judge_names(story, b"a" * 254, b"a" * 255, b"a" * 256)


@scenario()
def characters_count_and_not_bytes(story: Conversation) -> None:
    judge_names(story, "😈".encode() * 200, "😈".encode() * 254, "😈".encode() * 255, "😈".encode() * 256, "å".encode() * 255)


@scenario()
def a_nul_in_a_name_closes_without_a_reply(story: Conversation) -> None:
    for name in (b"id\0fe", b"idfe\0", b"\0"):
        story.peer("node").request(alive2(name)).gets()
    story.peer("asks").request(NAMES).gets()


@scenario()
def names_that_forge_lines(story: Conversation) -> None:
    judge_names(story, b"", b"a\nname forged at port 1", b"\r", b"\x7f", b"\x1b[2J", b" ", b"a b")
    story.registered("nameless", alive2(b"") + b".")
    story.peer("asks").request(NAMES).gets()


@scenario()
def what_else_a_name_may_have(story: Conversation) -> None:
    judge_names(story, b"@", b"idfe@lowry", b"<b>", b"'\"\\", b"-d", b"a-b_c.d", b"\xc2\x85", b"\xe2\x80\xae")


# ---- frames


@scenario()
def a_registration_that_is_cut_at_any_length_is_closed_without_a_reply(story: Conversation) -> None:
    whole = alive2(b"idfe", extra=b"more")
    for length in range(1, len(whole)):
        story.peer("node").send(ask.frame(whole[:length])).gets()
    story.peer("asks").request(NAMES).gets()


@scenario()
def lengths_in_a_registration_that_lie(story: Conversation) -> None:
    whole = bytearray(alive2(b"idfe", extra=b"more"))
    for at in (9, 15):  # the length of the name, of the extra data
        for length in (0, 3, 5, 255, 256, 1021, 32768, 65535):
            body = bytes(whole[:at]) + length.to_bytes(2, "big") + bytes(whole[at + 2 :])
            story.peer("node").request(body).gets(6)
    story.peer("asks").request(NAMES).gets()


@scenario(*RELAXED)
def bytes_after_the_fields_are_passed_over(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe") + b"and more")
    story.peer("asks").request(lookup(b"idfe")).gets()
    for body in (NAMES + b"and more", NAMES + b"\0", DUMP + b"and more", KILL + b"and more"):
        story.peer("asks").request(body).gets()


@scenario()
def a_request_of_no_kind_is_closed_without_a_reply(story: Conversation) -> None:
    known = {ask.ALIVE2_REQ, ask.PORT_PLEASE2_REQ, ask.NAMES_REQ, ask.KILL_REQ, ord("d"), ord("s")}
    for first in sorted(set(range(256)) - known):
        story.peer("asks").request(bytes([first]) + b"idfe").gets()


@scenario()
def requests_of_one_byte(story: Conversation) -> None:
    for first in (b"x", b"z", b"n", b"d", b"s", b"k"):
        story.peer("asks").request(first).gets()


@scenario()
def lengths_of_a_frame(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    for length in (1, 2, 5, 256, 3056, 3057, 3058, 3059, 4096, 18245, 32768, 65535):
        story.note(f"a frame of {length} bytes")
        story.peer("asks").send(ask.frame(NAMES + b"." * (length - 1))).gets()
    for data in (b"\0\0", b"\0\0n", b"\0\0\0\x01n", b"\x0b\xf2", b"\x0b\xf2n", b"\xff\xff"):
        story.peer("asks").send(data).gets()


@scenario()
def http_is_no_request(story: Conversation) -> None:
    for data in (b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", b"HEAD / HTTP/1.0\r\n\r\n", b"POST / HTTP/1.0\r\n\r\n", b"GEX", b"HEAD/"):
        story.peer("asks").send(data).gets()


@scenario()
def bytes_after_a_frame_close_without_a_reply(story: Conversation) -> None:
    node = story.registered("node", alive2(b"idfe"))
    for body in (NAMES, lookup(b"idfe"), DUMP, KILL, alive2(b"other")):
        story.peer("asks").send(ask.frame(body) + b"\0").gets()
        story.peer("asks").send(ask.frame(body) * 2).gets()
    story.peer("asks").request(NAMES).gets()
    node.tell()


@scenario()
def a_byte_after_the_longest_frame_is_not_seen(story: Conversation) -> None:
    for length in (3056, 3057):
        for more in (1, 2000):
            story.note(f"a frame of {length} bytes and {more} more")
            node = story.peer("node")
            body = alive2(b"idfe")
            node.registers = (b"idfe", True)
            node.send(ask.frame(body + b"." * (length - len(body))) + b"." * more).gets()


@scenario()
def a_request_in_pieces_is_a_request(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    for body in (NAMES, lookup(b"idfe"), alive2(b"slow")):
        asks = story.peer("asks")
        whole = ask.frame(body)
        asks.registers = (b"slow", True) if body == alive2(b"slow") else None
        for at in range(len(whole) - 1):
            asks.send(whole[at : at + 1]).tell()
        asks.send(whole[-1:]).gets(6 if body[:1] == b"x" else None)


@scenario()
def a_request_in_pieces_and_a_byte_too_many(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    late = (b"\0\x05", b"zidfe" + b"." * 2000)
    for pieces in ((b"\0", b"\x01n\0"), (b"\0\x01", b"nn"), late, (b"\0\x02n", b"\0\0"), (b"\0", b"\0"), (b"\xff", b"\xff")):
        asks = story.peer("asks")
        for piece in pieces[:-1]:
            asks.send(piece).tell()
        asks.send(pieces[-1]).gets()


@scenario()
def a_half_close_before_the_request_is_whole(story: Conversation) -> None:
    for data in (b"", b"\0", b"\0\x01", b"\0\x05nam"):
        story.peer("asks").send(data).half_close().gets()


@scenario()
def a_half_close_after_the_request(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    for body in (NAMES, lookup(b"idfe"), lookup(b"other"), DUMP, KILL):
        story.peer("asks").request(body).half_close().gets()
    story.peer("twin").request(alive2(b"other")).half_close().gets()
    story.peer("asks").request(NAMES).gets()


# ---- registered connections


@scenario()
def any_byte_on_a_registered_connection_ends_it(story: Conversation) -> None:
    for data in (b"\0", ask.frame(NAMES), ask.frame(alive2(b"idfe")), b"more" * 1000):
        node = story.registered("node", alive2(b"idfe"))
        node.send(data).tell()
        story.peer("asks").request(NAMES).gets()


@scenario()
def a_half_close_of_a_registered_connection_ends_it(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe")).half_close().gets()
    story.peer("asks").request(NAMES).gets()


@scenario()
def a_reset_of_a_registered_connection_ends_it(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe")).reset()
    story.peer("asks").request(NAMES).gets()


@scenario()
def who_is_refused_and_resets_takes_no_name_from_others(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    for end in ("leave", "reset"):
        twin = story.registered("twin", alive2(b"idfe", 5001))
        getattr(twin, end)()
        story.peer("asks").request(NAMES).gets()


@scenario()
def a_long_list_is_whole_and_who_resets_in_its_middle_harms_nobody(story: Conversation) -> None:
    held = [ask.register(f"{'n' * 250}{number:03}", number) for number in range(400)]
    expected = b"\0\0\x11\x11" + b"".join(b"name %s%03d at port %d\n" % (b"n" * 250, number, number) for number in reversed(range(400)))
    for at_most in (1, 5000, 60000):
        asks = story.peer("asks").send(ask.frame(NAMES))
        asks.say(f" < {len(ask.read_exactly(asks.connection, at_most))} bytes of a list")
        asks.reset()
    with ask.dial("127.0.0.1", story.port) as reads:
        reads.sendall(ask.frame(NAMES))
        story.note(f"the list is {'whole' if ask.read_to_end(reads) == expected else 'another'}")
    for one in held:
        one.close()


@scenario()
def resets_in_the_middle_of_anything_harm_nobody(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    for data in (b"", b"\0", b"\0\x05n", ask.frame(NAMES), ask.frame(lookup(b"idfe")), ask.frame(DUMP), ask.frame(KILL), ask.frame(alive2(b"brief"))):
        asks = story.peer("asks")
        if data:
            asks.send(data)
        asks.reset()
    story.peer("asks").request(NAMES).gets()


# ---- time


def seconds_until_closed(story: Conversation, name: str, data: bytes) -> None:
    """Stock looks at its connections every five seconds at most, and when somebody comes: so nobody does."""
    asks = story.peer(name)
    if data:
        asks.send(data)
    asks.connection.settimeout(20)
    began = time.monotonic()
    assert asks.connection.recv(1) == b""
    elapsed = time.monotonic() - began
    asks.say(": closed after 1 to 6 s" if 0.9 <= elapsed < 6.5 else f": closed after {elapsed:.1f} s")


@scenario(*ONE_SECOND)
def who_says_nothing_is_closed(story: Conversation) -> None:
    seconds_until_closed(story, "asks", b"")


@scenario(*ONE_SECOND)
def who_stops_in_the_middle_is_closed(story: Conversation) -> None:
    for data in (b"\0", b"\0\x05", b"\0\x64only a few bytes"):
        seconds_until_closed(story, "asks", data)


@scenario(*ONE_SECOND)
def a_byte_now_and_then_keeps_a_connection(story: Conversation) -> None:
    asks = story.peer("asks")
    for byte in ask.frame(lookup(b"a name of thirty bytes or so")):
        asks.connection.sendall(bytes([byte]))
        time.sleep(0.25)  # the one thing here that is about time: eight seconds in all, where six would end a silent one
    asks.say(" > a lookup, a byte every quarter of a second")
    asks.gets()


@scenario(*ONE_SECOND)
def a_registered_node_may_be_silent(story: Conversation) -> None:
    node = story.registered("node", alive2(b"idfe"))
    seconds_until_closed(story, "asks", b"")
    node.tell()


# ---- dump, kill, stop


@scenario()
def a_dump_has_who_is_registered_then_who_was(story: Conversation) -> None:
    story.peer("asks").request(DUMP).gets()
    nodes = [story.registered("node", alive2(name, 5000 + number)) for number, name in enumerate((b"a", b"b", b"c"))]
    story.peer("asks").request(DUMP).gets()
    for at in (1, 0):
        nodes[at].leave()
    story.peer("asks").request(DUMP).gets()
    story.registered("node", alive2(b"b", 6001))
    story.peer("asks").request(DUMP).gets()


@scenario()
def kill_ends_an_epmd_without_nodes(story: Conversation) -> None:
    story.peer("asks").request(KILL).gets()
    story.tell_whether_it_ended()


@scenario()
def kill_is_refused_while_a_node_lives(story: Conversation) -> None:
    node = story.registered("node", alive2(b"idfe"))
    story.peer("asks").request(KILL).gets()
    node.tell()
    node.leave()
    story.peer("asks").request(KILL).gets()
    story.tell_whether_it_ended()


@scenario(*RELAXED)
def kill_ends_a_relaxed_epmd_while_a_node_lives(story: Conversation) -> None:
    node = story.registered("node", alive2(b"idfe"))
    story.peer("asks").request(KILL).gets()
    node.gets()
    story.tell_whether_it_ended()


@scenario()
def stop_is_closed_without_a_reply(story: Conversation) -> None:
    node = story.registered("node", alive2(b"idfe"))
    for body in (stop(b"idfe"), stop(b"other"), stop(b"")):
        story.peer("asks").request(body).gets()
    node.tell()


@scenario(*RELAXED)
def stop_ends_a_registration_of_a_relaxed_epmd(story: Conversation) -> None:
    node = story.registered("node", alive2(b"idfe"))
    story.peer("asks").request(stop(b"idfe")).gets()
    node.tell()
    story.peer("asks").request(NAMES).gets()


@scenario(*RELAXED)
def stop_of_a_name_that_nobody_has(story: Conversation) -> None:
    story.peer("asks").request(stop(b"idfe")).gets()


@scenario(*RELAXED)
def stop_of_what_is_no_name(story: Conversation) -> None:
    story.registered("node", alive2(b"idfe"))
    for name in (b"idfe\0\0", b"id\0fe", b"\0", b"", b"\xff", b"a" * 256, b"a" * 3000):
        story.peer("asks").request(stop(name)).gets()
    story.peer("asks").request(stop(b"idfe\0")).gets()


# ---- who is of this machine


def from_another_machine(story: Conversation, ours: str) -> None:
    node = story.registered("node", alive2(b"idfe"))
    with Neighbour(ipv6=":" in ours) as neighbour:
        for body in (alive2(b"intruder"), alive2(b"idfe", highest=5), DUMP, KILL, stop(b"idfe"), lookup(b"idfe"), lookup(b"other"), NAMES):
            with neighbour.over_there():
                peer = story.peer("asks", ours)
            peer.request(body).gets()
    node.tell()


@scenario(*RELAXED)
def another_machine_may_only_ask(story: Conversation) -> None:
    from_another_machine(story, OURS)


@scenario(*RELAXED)
def another_machine_may_only_ask_over_ipv6_either(story: Conversation) -> None:
    from_another_machine(story, OURS_V6)


@scenario()
def this_machine_is_known_by_its_own_network_address(story: Conversation) -> None:
    with Neighbour(ipv6=True):
        for address in (OURS, OURS_V6):
            story.peer("node", address).request(alive2(b"at-" + address.encode())).gets_alive2_reply()
        story.peer("asks").request(NAMES).gets()


@scenario(*RELAXED)
def who_dials_one_address_of_this_machine_from_another(story: Conversation) -> None:
    with Neighbour(ipv6=False):
        for body in (alive2(b"idfe"), DUMP, KILL, NAMES):
            story.peer("asks", "127.0.0.1", source=OURS).request(body).gets(6 if body[:1] == b"x" else None)
