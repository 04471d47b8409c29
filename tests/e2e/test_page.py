"""The status page in a real browser, beside real VMs: what it shows, to whom, and that it goes on by itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import unittest
from pathlib import Path

import ask
from case import ServedCase
from daemon import SCRATCH, STOCK
from machine import HOSTS, write_hosts
from test_http import STREAMS, Events, page
from vm import Erl, Iex, eventually

try:
    from browser import CHROMEDRIVER, CHROMIUM, Browser
except ImportError as error:
    raise unittest.SkipTest(f"no browser is driven here ({error}); scripts/setup test installs what is needed for the system's python3") from None
for program in (CHROMIUM, CHROMEDRIVER):
    if not os.access(program, os.X_OK):
        raise unittest.SkipTest(f"there is no {program}; scripts/setup test installs it on Debian")

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "status-page.png"
MACHINE = "http://127.0.0.1:4369/"
LIVE = "document.querySelector('#connection').dataset.state === 'live' && document.querySelector('#daemon').textContent !== ''"

# What is below 4.5 to 1 (WCAG 2.2, contrast, level AA) of all text that is shown.
FAINT = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((one) => { one /= 255; return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4; }); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const ground = (one) => { for (; one; one = one.parentElement) { const found = rgba(getComputedStyle(one).backgroundColor); if (found[3] === 255) return found; } return [255, 255, 255, 255]; };
  const faint = [];
  for (const one of document.querySelectorAll('body *')) {
    if (![...one.childNodes].some((child) => child.nodeType === 3 && child.data.trim()) || !one.checkVisibility() || one.closest('.spoken')) continue;
    const [high, low] = [light(rgba(getComputedStyle(one).color)), light(ground(one))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.push(`${one.tagName}.${one.className} ${one.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return faint;
})()"""


class PageCase(ServedCase):
    flags = ("--host", "lazarides=127.0.0.4,127.0.0.5")

    def open(self, url: str = MACHINE, **options) -> Browser:
        browser = self.enterContext(Browser(**options))
        browser.go(url)
        browser.wait(LIVE, "the page is live")
        return browser

    def card(self, address: str) -> str:
        return f'.host[data-address="{address}"]'

    def names(self, browser: Browser, address: str) -> list[str]:
        return browser.text(f"{self.card(address)} .node .name")

    def wait_for_names(self, browser: Browser, address: str, *names: str, seconds: float = 10.0) -> None:
        found = f"[...document.querySelectorAll('{self.card(address)} .node .name')].map((one) => one.textContent).join()"
        browser.wait(f"{found} === '{','.join(names)}'", f"{names} at {address}", seconds)

    def attention(self, browser: Browser) -> str:
        return "\n".join(browser.text("#attention:not([hidden]) li"))


class Machine(PageCase):
    def test_hosts_are_cards_and_nodes_have_all_that_is_known_of_them(self) -> None:
        lowry = self.vm(Erl, "-sname", "idfe@lowry", "-setcookie", "very_secret_cookie")
        indecline = self.vm(Iex, "--sname", "idfe@indecline", "--erl", "-kernel inet_dist_use_interface {127,0,0,3}")
        shop = self.vm(Erl, "-name", "shop@lazarides.example.test")
        own = self.vm(Erl, "-sname", "blog")
        for vm in (lowry, indecline, shop, own):
            vm.started()
        browser = self.open()
        self.assertEqual(browser.text("h1"), ["workshop"])
        self.assertEqual(browser.text("#summary"), ["4 nodes at 4 hosts"])
        self.assertEqual(browser.text(".host h2"), ["workshop", "lazarides", "lowry.example.test", "indecline.example.test"])
        self.assertEqual(browser.text(".host .addresses"), ["this machine, 127.0.0.1", "127.0.0.4, 127.0.0.5", "127.0.0.2", "127.0.0.3"])
        self.assertEqual(browser.text(".host .count"), ["1 node"] * 4)
        facts = " ".join(browser.text(f"{self.card('127.0.0.2')} .node")).split()
        port = str(lowry.distribution_port())
        self.assertEqual(" ".join(facts[:-3]), f"idfe@lowry port {port} owner beam.smp {lowry.pid}, root placed by process name short")
        self.assertEqual(facts[-3], "since")
        self.assertIn("placed by\nlistener", browser.text(f"{self.card('127.0.0.3')} .node")[0])
        self.assertIn("name\nlong", browser.text(f"{self.card('127.0.0.4')} .node")[0])
        text = browser.evaluate("document.documentElement.outerHTML")
        self.assertNotIn("secret", text)
        self.assertNotIn("setcookie", text)
        self.assertEqual(self.attention(browser), "")
        self.assertIn("loopmd 0.1.0", browser.text("#daemon")[0])
        self.assertEqual({url for url in browser.requests() if not url.startswith(MACHINE)}, set())
        self.assertEqual(browser.complaints(), [])

    def test_who_comes_and_goes_is_seen_within_a_second_and_without_a_reload(self) -> None:
        browser = self.open()
        browser.evaluate("(window.isTheSame = true)")
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        self.wait_for_names(browser, "127.0.0.2", "idfe@lowry")
        began = time.monotonic()
        with ask.register("other", 7, to="127.0.0.2", node_type=ask.C_NODE):
            self.wait_for_names(browser, "127.0.0.2", "idfe@lowry", "other")
            self.assertLess(time.monotonic() - began, 1.0)
            began = time.monotonic()
        self.wait_for_names(browser, "127.0.0.2", "idfe@lowry")
        self.assertLess(time.monotonic() - began, 1.0)
        vm.kill()
        self.wait_for_names(browser, "127.0.0.2")
        lines = browser.text("#recent li span")
        self.assertRegex(lines[0], r"^idfe@lowry, port \d+, went from lowry")
        self.assertEqual(lines[1], "other, port 7, went from lowry.example.test")
        self.assertEqual(lines[2], "other, port 7, is at lowry.example.test, by destination")
        self.assertRegex(lines[3], r"^idfe@lowry, port \d+, is at lowry.example.test, by process$")
        self.assertEqual(len(lines), 4)
        self.assertTrue(browser.evaluate("window.isTheSame"))
        self.assertEqual(browser.complaints(), [])

    def test_after_a_restart_it_goes_on_by_itself(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        browser = self.open()
        browser.evaluate("(window.isTheSame = true)")
        self.wait_for_names(browser, "127.0.0.2", "idfe@lowry")
        self.daemon.stop()
        browser.wait("document.querySelector('#connection').dataset.state === 'lost'", "the page says that nobody answers")
        self.assertEqual(browser.text("#connection"), ["no answer, tries again"])
        self.daemon = self.serve(*self.flags)
        with ask.register("new", 7, to="127.0.0.3", node_type=ask.C_NODE):
            browser.wait(LIVE, "the page is live again", seconds=10)
            self.wait_for_names(browser, "127.0.0.3", "new")
            self.wait_for_names(browser, "127.0.0.2", "idfe@lowry")  # it has registered again
        self.assertTrue(browser.evaluate("window.isTheSame"))

    def test_after_an_upgrade_in_place_it_goes_on_with_the_same_nodes(self) -> None:
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        browser = self.open()
        browser.evaluate("(window.isTheSame = true)")
        numbers = [one["id"] for one in page("/nodes")["nodes"]]
        self.daemon.send(signal.SIGUSR2)
        eventually(lambda: self.daemon.lines_with("goes on with 1 nodes"), "another process goes on")
        with ask.register("new", 7, to="127.0.0.3", node_type=ask.C_NODE):
            self.wait_for_names(browser, "127.0.0.3", "new")
        self.assertEqual([one["id"] for one in page("/nodes")["nodes"]], numbers)
        self.assertEqual(self.names(browser, "127.0.0.2"), ["idfe@lowry"])
        self.assertTrue(browser.evaluate("window.isTheSame"))

    def test_who_comes_later_is_shown_what_happened_before(self) -> None:
        ask.register("short", 7, to="127.0.0.2", node_type=ask.C_NODE).close()
        eventually(lambda: ask.names("127.0.0.2") == {}, "short has gone")
        with ask.register("idfe", 8, to="127.0.0.2", node_type=ask.C_NODE):
            self.assertEqual(ask.register("idfe", 9, to="127.0.0.2", node_type=ask.C_NODE).result, 1)
            browser = self.open()
            browser.wait("document.querySelectorAll('#recent li').length === 4", "all that happened is there")
            lines = browser.text("#recent li span")
        self.assertRegex(lines[0], "^idfe, port 9, was refused: its name is taken; idfe, .* has it$")
        self.assertEqual(lines[1:], [
            "idfe, port 8, is at lowry.example.test, by destination",
            "short, port 7, went from lowry.example.test",
            "short, port 7, is at lowry.example.test, by destination",
        ])

    def test_what_is_found_out_of_a_node_that_has_its_place_already_is_shown(self) -> None:
        browser = self.open()
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
            browser.wait(f"document.querySelector('.node').textContent.includes('python3 {os.getpid()}, root')", "its owner is named")

    def test_the_newest_event_is_the_first_whatever_is_read_meanwhile(self) -> None:
        browser = self.open()
        for number in range(40):
            ask.register(f"ev{number}", 7, to="127.0.0.2", node_type=ask.C_NODE).close()
        eventually(lambda: ask.names("127.0.0.2") == {}, "they have gone")
        self.daemon.hang_up()
        browser.wait("document.querySelector('#recent li span').textContent === 'The configuration was read again'", "the reload is the newest")
        ask.register("last", 7, to="127.0.0.2", node_type=ask.C_NODE).close()
        browser.wait("document.querySelector('#recent li span').textContent.startsWith('last, port 7, went')", "and now this")
        numbers = browser.evaluate("[...document.querySelectorAll('#recent li')].map((one) => one.event.number)")
        self.assertEqual(numbers, sorted(numbers, reverse=True))

    def test_hosts_that_get_a_name_have_it_at_once(self) -> None:
        config = self.file("loopmd.conf", "")
        self.daemon.stop()
        daemon = self.serve("--config", str(config))
        with ask.register("idfe", 7, to="127.0.0.9", node_type=ask.C_NODE):
            browser = self.open()
            self.assertIn('Add the line "127.0.0.9 NAME" to /etc/hosts, or "NAME = 127.0.0.9" below [host]', self.attention(browser))
            config.write_text("[host]\nholborn = 127.0.0.9\n")
            daemon.hang_up()
            browser.wait(f"document.querySelector('{self.card('127.0.0.9')} h2').textContent === 'holborn'", "the host has its name")
            browser.wait("document.querySelector('#attention').hidden", "nothing wants attention")
            config.write_text("colour = red\n")
            daemon.hang_up()
            browser.wait("!document.querySelector('#attention').hidden", "the mistake wants attention")
            browser.go(MACHINE)  # also for who comes later
            browser.wait("!document.querySelector('#attention').hidden", "it still does")
            self.assertIn("colour", self.attention(browser))

    def test_a_tab_that_nobody_looks_at_holds_no_stream(self) -> None:
        browser = self.open()
        self.assertEqual(page("/status")["limits"]["event_streams"], 1)
        browser.set_visible(False)
        eventually(lambda: page("/status")["limits"]["event_streams"] == 0, "the stream is closed")
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
            browser.set_visible(True)
            browser.wait(LIVE, "the page is live again")
            self.wait_for_names(browser, "127.0.0.2", "idfe")

    def test_where_all_streams_are_taken_it_waits_for_one(self) -> None:
        with contextlib.ExitStack() as stack:
            for _ in range(STREAMS):
                stack.enter_context(Events()).next()
            browser = self.enterContext(Browser())
            browser.go(MACHINE)
            browser.wait("document.querySelector('#connection').dataset.state === 'lost'", "the page says that it tries again")
        browser.wait(LIVE, "the page is live")


class OneHost(PageCase):
    def test_at_its_own_address_a_host_is_shown_alone(self) -> None:
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE), ask.register("idfe", 8, to="127.0.0.3", node_type=ask.C_NODE):
            browser = self.open("http://lowry:4369/", resolve={"lowry": "127.0.0.2"})
            self.assertEqual(browser.text("h1"), ["lowry.example.test"])
            self.assertEqual(browser.text(".host .addresses"), ["127.0.0.2"])
            self.assertEqual(browser.text(".node .name"), ["idfe"])
            self.assertEqual(browser.text("#summary"), ["a host of workshop, 1 node"])
            self.assertEqual(len(browser.text("#recent li")), 1)
            with ask.register("elsewhere", 9, to="127.0.0.3", node_type=ask.C_NODE), ask.register("here", 9, to="127.0.0.2", node_type=ask.C_NODE):
                self.wait_for_names(browser, "127.0.0.2", "here", "idfe")
            self.assertEqual(browser.text(".host h2"), ["lowry.example.test"])
            browser.evaluate("document.querySelector('#all-hosts a').click()")
            browser.wait(f"location.href === '{MACHINE}' && {LIVE}", "all hosts are shown")
            self.assertEqual(len(browser.text(".host")), 4)
            browser.evaluate(f"document.querySelector('{self.card('127.0.0.3')} h2 a').click()")
            browser.wait(f"location.href === 'http://127.0.0.3:4369/' && {LIVE}", "the other host is shown")
            self.assertEqual(browser.text("h1"), ["indecline.example.test"])

    def test_by_its_second_address_too_and_without_any_node(self) -> None:
        browser = self.open("http://127.0.0.5:4369/")
        self.assertEqual(browser.text(".host h2"), ["lazarides"])
        self.assertEqual(browser.text(".host .nothing"), ["no nodes"])
        browser.go("http://127.0.0.66:4369/")  # nobody knows it
        browser.wait(LIVE, "the page is live")
        self.assertEqual(browser.text("h1"), ["127.0.0.66"])


class Attention(PageCase):
    def test_an_unplaced_node_stands_apart_with_the_reason_and_what_helps(self) -> None:
        with ask.register("lost", 7, node_type=ask.C_NODE):
            browser = self.open()
            self.assertEqual(browser.text(self.card("") + " h2"), ["Without a host"])
            self.assertEqual(self.names(browser, ""), ["lost"])
            self.assertEqual(browser.text(".badge"), ["unplaced"])
            self.assertIn("lost (port 7) is unplaced", self.attention(browser))
            self.assertIn("Start it with -sname or -name", self.attention(browser))
            browser.go("http://127.0.0.2:4369/")  # it is found there as well
            browser.wait(LIVE, "the page is live")
            self.assertEqual(self.names(browser, ""), ["lost"])
        browser.wait(f"document.querySelector('{self.card('')}') === null", "its card is gone")

    def test_an_adopted_node_is_marked_until_it_registers(self) -> None:
        self.daemon.stop()
        stock = self.serve(path=STOCK)
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        vm.process.send_signal(signal.SIGSTOP)
        try:
            daemon = self.serve("--replace", is_alone=False)
            self.assertIsNotNone(stock.process.wait(10), "stock has ended")
            eventually(lambda: daemon.lines_with(", adopted,"), "the node is taken over")
            browser = self.open()
            self.wait_for_names(browser, "127.0.0.2", "idfe@lowry")
            self.assertEqual(browser.text(".badge"), ["adopted"])
            self.assertIn("idfe@lowry (port", self.attention(browser))
            self.assertIn("is adopted: it was registered with another epmd", self.attention(browser))
        finally:
            vm.process.send_signal(signal.SIGCONT)
        browser.wait("document.querySelector('#attention').hidden && document.querySelector('.badge') === null", "it has registered here")
        self.assertEqual(self.names(browser, "127.0.0.2"), ["idfe@lowry"])

    def test_a_parked_node_is_named_and_what_helps(self) -> None:
        first = self.vm(Erl, "-sname", "idfe@lowry")
        first.started()
        second = self.vm(Erl)
        second.start_node("idfe@lowry")  # it can be asked only once it is accepted
        browser = self.open()
        browser.wait("document.querySelector('.badge')?.textContent === 'parked'", "the second one is parked")
        self.assertIn(f"idfe@lowry (port {second.distribution_port()}) is parked: another node has its name at lowry.example.test", self.attention(browser))
        first.kill()
        browser.wait("document.querySelector('#attention').hidden && document.querySelector('.badge') === null", "it got its place")
        self.assertIn("got its place at lowry.example.test", " ".join(browser.text("#recent li span")))


class Hostile(PageCase):
    MARKUP = '<img src=x onerror="document.title=1">'

    def test_names_made_of_markup_are_text(self) -> None:
        names = (self.MARKUP, "<script>document.title=1</script>", "</template><b>bold</b>", "&lt;i&gt;", "{{7*7}}", "javascript:alert(1)")
        vm = self.vm(Erl, "-sname", "idfe@lowry")
        vm.started()
        with contextlib.ExitStack() as stack:
            for name in names:
                stack.enter_context(ask.register(name, 7, to="127.0.0.2", node_type=ask.C_NODE))
            ask.register(self.MARKUP, 8, to="127.0.0.2", node_type=ask.C_NODE).close()  # is refused, and told of
            browser = self.open()
            self.assertEqual(set(self.names(browser, "127.0.0.2")), {*names, "idfe@lowry"})
            browser.wait("document.querySelectorAll('#recent li').length >= 7", "the events are there")
            self.assertEqual(browser.evaluate("document.querySelectorAll('img, b, i, iframe, main script').length"), 0)
            self.assertIn(self.MARKUP, " ".join(browser.text("#recent li span")))
            self.assertEqual(browser.evaluate("document.title"), "workshop · loopmd")
        self.assertEqual(browser.complaints(), [])

    def test_a_program_and_a_host_made_of_markup_are_text(self) -> None:
        write_hosts(HOSTS + "127.0.0.8 <u>under</u>\n")
        self.addCleanup(write_hosts, HOSTS)
        self.daemon.stop()
        self.serve()
        program = self.scratch("programs") / "<u>beam<!--"
        program.parent.mkdir()
        program.symlink_to("/usr/bin/python3")
        source = Path(ask.__file__).parent
        script = f"import sys; sys.path.append({str(source)!r}); import ask; held = ask.register('x', 7, to='127.0.0.8', node_type=104); sys.stdin.read()"
        with subprocess.Popen([program, "-c", script], stdin=subprocess.PIPE) as node:
            browser = self.open()
            self.wait_for_names(browser, "127.0.0.8", "x")
            self.assertIn("<u>under</u>", browser.text(".host h2"))
            browser.wait(f"document.querySelector('.node').textContent.includes('<u>beam<!-- {node.pid}')", "its owner is named")
            self.assertEqual(browser.evaluate("document.querySelectorAll('u').length"), 0)
            node.stdin.close()

    def test_a_name_that_turns_writing_round_turns_nothing_else(self) -> None:
        with ask.register("abc\u202edcba", 7, to="127.0.0.2", node_type=ask.C_NODE):
            browser = self.open()
            self.assertEqual(self.names(browser, "127.0.0.2"), ["abc\\u{202e}dcba"])  # escaped, as what is not seen
            self.assertEqual(browser.evaluate("getComputedStyle(document.querySelector('.name')).unicodeBidi"), "isolate")
            for name in ("\u200b\u200b", "\u0627\u0644\u0639\u0642\u062f\u0629"):  # nothing to see; and Arabic, which is written the other way
                stack = self.enterContext(contextlib.ExitStack())
                stack.enter_context(ask.register(name, 8, node_type=ask.C_NODE))
                browser.wait("!document.querySelector('#attention').hidden", "it is unplaced, and wants attention")
                self.assertNotEqual(browser.evaluate("document.querySelector('#attention li bdi').getBoundingClientRect().width"), 0)
                left = browser.evaluate("(() => { const [name, port] = document.querySelectorAll('#attention li bdi'); return [name, port].map((one) => one.getBoundingClientRect().left) })()")
                self.assertLess(left[0], left[1])  # the sentence goes on to the right
                stack.close()
                browser.wait("document.querySelector('#attention').hidden", "it has gone")

    def test_a_name_that_was_made_to_lead_here_reads_nothing(self) -> None:
        """DNS rebinding: the script of another site, whose name now means 127.0.0.1."""
        with ask.register("idfe", 7, to="127.0.0.2", node_type=ask.C_NODE):
            browser = self.enterContext(Browser(resolve={"evil.example": "127.0.0.1"}))
            browser.go("http://evil.example:4369/nodes")
            self.assertNotIn("idfe", browser.evaluate("document.body.innerText"))
            self.assertIn("Host header", browser.evaluate("document.body.innerText"))
            browser.command_("Page.setBypassCSP", enabled=True)  # the other site's page has no policy of ours
            browser.go("http://evil.example:4369/")
            for path in ("/nodes", "/hosts", "/recent", "/status", "/metrics", "/events", "/"):
                status, text = browser.evaluate(f"fetch('{path}').then(async (one) => [one.status, await one.text()])")
                self.assertEqual(status, 403, path)
                self.assertNotIn("idfe", text)
            # Nor does it by our address: another origin is not let in.
            for mode in ("cors", "no-cors"):
                self.assertEqual(browser.evaluate(f"fetch('{MACHINE}nodes', {{mode: '{mode}'}}).then(() => 'read', () => 'refused')"), "refused", mode)
            self.assertEqual(browser.evaluate("new Promise((done) => { const frame = document.createElement('iframe'); frame.src = '" + MACHINE + "'; frame.onload = () => { try { done(frame.contentDocument?.body.innerText ?? 'nothing') } catch { done('nothing') } }; document.body.append(frame) })"), "nothing")

    def test_spare_connections_are_idle_clients_and_the_first_to_go(self) -> None:
        self.daemon.stop()
        self.serve("-address", "127.0.0.2", wrapper=("prlimit", "--nofile=96:96"))  # there is room for 48
        names = {f"n{number}.example": "127.0.0.1" for number in range(60)}
        browser = self.open(resolve=names)
        connect = "(() => { const link = document.createElement('link'); link.rel = 'preconnect'; link.href = 'http://%s:4369/'; document.head.append(link) })()"
        for name in names:
            browser.evaluate(connect % name)
        with contextlib.ExitStack() as stack:
            for number in range(40):
                node = stack.enter_context(ask.register(f"node{number}", 10000 + number, to="127.0.0.2", node_type=ask.C_NODE))
                self.assertEqual(node.result, 0)
            browser.wait("document.querySelectorAll('.node').length === 40", "all are shown: the page's own stream has not gone")
            self.assertEqual(len(ask.names("127.0.0.2")), 40)


class Looks(PageCase):
    """Desktop and phone, light and dark, keyboard and screen reader."""

    flags = ("--host", "lazarides=127.0.0.4", "--host", "holborn=127.0.0.5", "--host", "molina=127.0.0.6")

    def setUp(self) -> None:
        super().setUp()
        starts = [
            (Erl, "-sname", "idfe@lowry"), (Iex, "--sname", "shop@lowry"), (Erl, "-sname", "idfe@indecline"), (Iex, "--sname", "blog"),
            (Iex, "--name", "idfe@lazarides.example.test"), (Erl, "-name", "queue@127.0.0.5"), (Erl, "-name", "queue@127.0.0.6"),
        ]
        vms = [self.vm(kind, *flags) for kind, *flags in starts]
        for vm in vms:
            vm.started()
        self.enterContext(ask.register("metering", 41234, node_type=ask.C_NODE))
        self.assertEqual(ask.register("idfe", 40007, to="127.0.0.2", node_type=ask.C_NODE).result, 1)

    def test_every_width_and_both_schemes_are_readable(self) -> None:
        browser = self.open()
        grounds = set()
        for is_dark in (False, True):
            browser.set_dark(is_dark)
            for width in (1280, 768, 360, 320):
                browser.resize(width, 900)
                browser.wait(f"window.innerWidth === {width}", "the width is taken")
                with self.subTest(width=width, is_dark=is_dark):
                    self.assertLessEqual(browser.evaluate("document.documentElement.scrollWidth"), width)
                    self.assertEqual(browser.evaluate(FAINT), [])
                    wide = browser.evaluate("[...document.querySelectorAll('main *')].filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > window.innerWidth).map((one) => one.textContent)")
                    self.assertEqual(wide, [])
                grounds.add(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
                browser.picture(SCRATCH / f"page-{width}-{'dark' if is_dark else 'light'}.png")
        self.assertEqual(len(grounds), 2)
        self.assertEqual(browser.complaints(), [])

    def test_the_picture_of_the_readme(self) -> None:
        browser = self.open(width=1180, height=800)
        path = PICTURE if os.environ.get("LOOPMD_RECORD") else SCRATCH / "status-page.png"
        browser.picture(path)
        self.assertEqual(path.read_bytes()[:8], b"\x89PNG\r\n\x1a\n")
        self.assertTrue(PICTURE.exists(), "python3 tests/machine/run.py --epmd build/dev/bin/epmd --record test_page.Looks draws it")
        self.assertIn("docs/status-page.png", (PICTURE.parents[1] / "README.md").read_text())

    def test_a_screen_reader_is_told_of_hosts_nodes_and_who_comes(self) -> None:
        browser = self.open()
        told = browser.accessibility()
        for expected in (
            ("heading", "workshop"), ("main", ""), ("contentinfo", ""), ("banner", ""), ("region", "Wants attention"), ("region", "lowry.example.test"),
            ("region", "holborn"), ("region", "Without a host"), ("region", "Recent events"), ("heading", "idfe@lowry"), ("link", "lowry.example.test"),
            ("status", ""), ("navigation", "The same for programs"),
        ):
            self.assertIn(expected, told)
        levels = browser.evaluate("[...document.querySelectorAll('h1, h2, h3')].filter((one) => one.checkVisibility()).map((one) => Number(one.tagName[1]))")
        self.assertEqual(levels[0], 1)
        self.assertTrue(all(later <= earlier + 1 for earlier, later in zip(levels, levels[1:])), levels)  # none is left out
        self.assertEqual(browser.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id).filter((one, at, all) => all.indexOf(one) !== at)"), [])
        with ask.register("late", 7, to="127.0.0.2", node_type=ask.C_NODE):
            browser.wait("document.querySelector('#announcement').textContent === 'late came'", "it is announced")
        browser.wait("document.querySelector('#announcement').textContent === 'late went'", "that too")

    def test_all_that_can_be_done_can_be_done_by_keyboard(self) -> None:
        browser = self.open()
        reached = []
        for _ in range(30):
            browser.press("Tab")
            here = browser.evaluate("document.activeElement === document.body ? null : [document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]")
            if here is None:
                break
            reached.append(here)
        self.assertEqual([text for text, _ in reached], browser.evaluate("[...document.querySelectorAll('a, button')].filter((one) => one.checkVisibility()).map((one) => one.textContent)"))
        self.assertEqual({outline for _, outline in reached}, {"solid"})
        passing = ask.register("passing", 7, to="127.0.0.9", node_type=ask.C_NODE)
        browser.wait(f"document.querySelector('{self.card('127.0.0.9')}') !== null", "a host comes")
        while browser.evaluate("document.activeElement.textContent") != "lowry.example.test":
            browser.press("Tab")
        passing.close()
        browser.wait(f"document.querySelector('{self.card('127.0.0.9')}') === null", "and goes")
        self.assertEqual(browser.evaluate("document.activeElement.textContent"), "lowry.example.test")
        browser.press("Enter")
        browser.wait("location.hostname === '127.0.0.2'", "the host's own page is there")


class Crowd(PageCase):
    def test_two_thousand_nodes_are_counted_and_shown_as_they_are_wanted(self) -> None:
        with contextlib.ExitStack() as stack:
            for number in range(2000):
                stack.enter_context(ask.register(f"node{number:04}", 10000 + number, to="127.0.0.2", node_type=ask.C_NODE))
            browser = self.open()
            self.assertEqual(browser.text(f"{self.card('127.0.0.2')} .count"), ["2000 nodes"])
            self.assertEqual(len(self.names(browser, "127.0.0.2")), 100)
            began = time.monotonic()
            first = stack.enter_context(ask.register("a-first", 7, to="127.0.0.2", node_type=ask.C_NODE))
            browser.wait("document.querySelector('.node .name').textContent === 'a-first'", "one more is seen")
            self.assertLess(time.monotonic() - began, 1.0)
            self.assertEqual(browser.text(".more:not([hidden])"), ["show all 2001 nodes"])
            browser.evaluate("document.querySelector('.more:not([hidden])').focus()")
            browser.press("Enter")
            browser.wait("document.querySelectorAll('.node').length === 2001", "all are shown")
            self.assertEqual(browser.evaluate("document.activeElement.tagName"), "H3")  # where the button was
            began = time.monotonic()
            first.close()
            browser.wait("document.querySelectorAll('.node').length === 2000", "the first one goes")
            self.assertLess(time.monotonic() - began, 1.5)
            self.assertEqual(browser.evaluate("document.activeElement.tagName"), "H3")
        browser.wait("document.querySelectorAll('.node').length === 0", "all have gone")
        self.assertEqual(browser.complaints(), [])
