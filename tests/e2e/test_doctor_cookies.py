"""epmdctl doctor and cookies: which one counts, that it is really tested, what asking leaves behind, and that no cookie is ever shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import machine
from case import ServedCase
from ctl import EPMDCTL, Terminal, ctl, ctl_environment
from daemon import SCRATCH
from doctor import DOES_NOT, DoctorCase
from vm import Erl, Iex, Vm, eventually

LOWRY, INDECLINE = "idfe@lowry", "idfe@indecline"
PAIR = (LOWRY, INDECLINE)
SECRET, OTHER_SECRET = "XYZZYPLUGHSECRET", "FROTZOZMOOSECRET"
A_USER = 1000
ERROR_LINE = "Invalid challenge reply"


class CookieCase(DoctorCase, ServedCase):
    def pair(self, from_cookie: str = SECRET, to_cookie: str = OTHER_SECRET) -> tuple[Vm, Vm]:
        lowry = self.vm(Erl, "-sname", LOWRY, cookie=from_cookie)
        indecline = self.vm(Iex, "--sname", INDECLINE, cookie=to_cookie)
        lowry.started(), indecline.started()
        return lowry, indecline

    def check_both_refuse(self, lowry: Vm, indecline: Vm) -> None:
        self.assertFalse(lowry.connect(INDECLINE))
        self.assertFalse(indecline.connect(LOWRY))

    def cookie_file(self, text: str, mode: int = 0o400) -> Path:
        path = self.file("cookie", text)
        path.chmod(mode)
        return path


class Differ(CookieCase):
    def test_defaults_that_differ(self) -> None:
        lowry, indecline = self.pair()
        self.check_both_refuse(lowry, indecline)
        found = self.check_cause(
            "cookies_differ",
            *PAIR,
            may_be_well=True,
            saying=(
                "default cookie of idfe@indecline differs",
                "in idfe@lowry (Erlang): erlang:set_cookie('idfe@indecline', one_for_both).",
                'in idfe@lowry (Elixir): Node.set_cookie(:"idfe@indecline", :one_for_both)',
                "in idfe@indecline (Erlang): erlang:set_cookie('idfe@lowry', one_for_both).",
                'in idfe@indecline (Elixir): Node.set_cookie(:"idfe@lowry", :one_for_both)',
                "each the other's default fails",
                "--as-from",
            ),
        )
        self.assertIn(f"{lowry.home}/.erlang.cookie of pid {lowry.pid}", found.seen("bad")[0])

    def test_the_lines_that_it_gives_mend_it(self) -> None:
        lowry, indecline = self.pair()
        mends = self.ask_doctor(*PAIR).told["wrong"]["mends"]
        lines = {mend["where"]: mend["type"] for mend in mends}
        self.assertEqual(lowry.evaluate(lines["in idfe@lowry (Erlang)"].rstrip(".")), "true")
        self.assertEqual(indecline.evaluate(lines["in idfe@indecline (Elixir)"]), "true")
        self.assertTrue(lowry.connect(INDECLINE))

    def test_what_a_wrong_one_leaves_behind_is_one_line(self) -> None:
        lowry, indecline = self.pair()
        monitor = "Node.list(:known) |> Enum.sort()"
        before = indecline.evaluate(monitor)
        indecline.evaluate(":net_kernel.monitor_nodes(true, node_type: :all)")
        self.check_cause("cookies_differ", *PAIR, may_be_well=True)
        eventually(lambda: ERROR_LINE in indecline.said, "the one line is there")
        self.assertEqual((indecline.said.count(ERROR_LINE), lowry.said.count("rejected")), (1, 0))
        self.assertEqual(indecline.evaluate("receive do any -> any after 100 -> :nothing end"), ":nothing")
        after = indecline.evaluate(monitor)
        self.assertEqual(set(re.findall(r"[\w:\"@]+@\w+", after)) - set(re.findall(r"[\w:\"@]+@\w+", before)) - {":nonode@nohost"}, set())

    def test_what_a_right_one_leaves_behind_is_a_hidden_node_that_came_and_went(self) -> None:
        _, indecline = self.pair(to_cookie=SECRET)
        indecline.evaluate(":net_kernel.monitor_nodes(true, node_type: :all)")
        before = indecline.said
        self.check_connects(*PAIR)
        heard = [indecline.evaluate("receive do any -> any after 2000 -> :nothing end") for _ in range(2)]
        self.assertEqual(heard, ["{:nodeup, :nonode@nohost, [node_type: :hidden]}", "{:nodedown, :nonode@nohost, [node_type: :hidden]}"])
        self.assertEqual(indecline.evaluate("receive do any -> any after 100 -> :nothing end"), ":nothing")
        self.assertNotIn("error", indecline.said[len(before) :])

    def test_without_a_test_nothing_is_left_behind(self) -> None:
        lowry, indecline = self.pair()
        indecline.evaluate(":net_kernel.monitor_nodes(true, node_type: :all)")
        self.check_cause("cookies_differ", "--no-cookie-test", *PAIR, may_be_well=True, saying=("differ",))
        self.assertEqual(indecline.evaluate("receive do any -> any after 100 -> :nothing end"), ":nothing")
        self.assertNotIn(ERROR_LINE, indecline.said)
        found = self.check_connects("--no-cookie-test", "--cookie-file", str(lowry.home / ".erlang.cookie"), *PAIR)
        self.assertIn("it was not tested", " ".join(found.seen("good")))

    def test_one_that_was_changed_at_run_time(self) -> None:
        """The file of FROM says what its VM no longer has."""
        lowry, indecline = self.pair(to_cookie=SECRET)
        lowry.evaluate("erlang:set_cookie(node(), changed)")
        self.check_both_refuse(lowry, indecline)
        self.check_cause("cookies_differ", *PAIR, may_be_well=True, saying=("default cookie of idfe@lowry differs",))

    def test_each_the_others_default_fails(self) -> None:
        lowry, indecline = self.pair()
        lowry.set_cookie(INDECLINE, OTHER_SECRET)
        indecline.set_cookie(LOWRY, SECRET)
        self.check_both_refuse(lowry, indecline)
        self.check_cause("cookies_differ", *PAIR, may_be_well=True)

    def test_one_the_others_default_connects(self) -> None:
        lowry, indecline = self.pair()
        lowry.set_cookie(INDECLINE, OTHER_SECRET)
        found = self.check_connects("--cookie-from", OTHER_SECRET, "--no-cookie-test", *PAIR)
        self.assertIn("it was not tested", " ".join(found.seen("good")))
        self.assertTrue(lowry.connect(INDECLINE))
        self.assertTrue(self.check_connects(*PAIR).told["is_connected"])


class Sources(CookieCase):
    def test_a_cookie_file_by_its_rules(self) -> None:
        """A trailing space is part of the cookie, and what follows the line is an error."""
        indecline = self.vm(Iex, "--sname", INDECLINE, cookie="with a blank ").started()
        self.assertEqual(indecline.evaluate("Node.get_cookie()"), ':"with a blank "')
        self.check_connects("--cookie-file", str(self.cookie_file("with a blank ")), INDECLINE)
        self.check_connects("--cookie-file", str(self.cookie_file("with a blank \n")), INDECLINE)
        self.check_cause("cookies_differ", "--cookie-file", str(self.cookie_file("with a blank")), INDECLINE)
        for text, why in (("with a blank \nmore", "text after its first line"), ("", "has nothing"), ("a" * 256, "more than 255")):
            told = ctl("doctor", "--cookie-file", str(self.cookie_file(text)), INDECLINE)
            self.assertEqual((told.returncode, told.stdout), (DOES_NOT, ""))
            self.assertIn(why, told.stderr)
        for path, why in ((SCRATCH / "no-such-file", "there is none"), (SCRATCH, "no regular file")):
            self.assertIn(why, ctl("doctor", "--cookie-file", str(path), INDECLINE).stderr)

    def test_the_file_of_who_asks(self) -> None:
        self.vm(Iex, "--sname", INDECLINE, cookie=SECRET).started()
        home = self.scratch("home-of-asker")
        (home / ".config" / "erlang").mkdir(parents=True)
        by_xdg = home / ".config" / "erlang" / ".erlang.cookie"
        extra = {"HOME": str(home)}
        self.check_not_known(INDECLINE, saying="is not known", extra=extra)
        by_xdg.write_text(SECRET)
        by_xdg.chmod(0o400)
        self.assertIn(str(by_xdg), " ".join(self.check_connects(INDECLINE, extra=extra).seen("good")))
        elsewhere = self.scratch("config")
        (elsewhere / "erlang").mkdir(parents=True)
        shutil.move(by_xdg, elsewhere / "erlang" / ".erlang.cookie")
        self.check_not_known(INDECLINE, saying="is not known", extra=extra)
        self.check_connects(INDECLINE, extra={**extra, "XDG_CONFIG_HOME": str(elsewhere)})
        at_home = home / ".erlang.cookie"  # goes before
        at_home.write_text(OTHER_SECRET)
        at_home.chmod(0o400)
        self.check_cause("cookies_differ", INDECLINE, extra={**extra, "XDG_CONFIG_HOME": str(elsewhere)})

    def test_the_flags_of_who_asks(self) -> None:
        self.vm(Iex, "--sname", INDECLINE, cookie=SECRET).started()
        found = self.check_connects(INDECLINE, extra={"ERL_FLAGS": f"-setcookie {SECRET}"})
        self.assertIn("-setcookie in ERL_FLAGS", " ".join(found.seen("good")))
        self.check_cause("cookies_differ", INDECLINE, extra={"ERL_ZFLAGS": f"-setcookie '{OTHER_SECRET}'"})
        self.check_cause("host_unknown", INDECLINE, extra={"ERL_FLAGS": "-proto_dist inet6_tcp"}, saying=("other version of IP",))

    def test_a_file_that_others_may_read(self) -> None:
        lowry, _ = self.pair(to_cookie=SECRET)
        (lowry.home / ".erlang.cookie").chmod(0o444)
        self.assertIn("no VM starts with it: chmod 400", " ".join(self.check_connects(*PAIR).seen("note")))
        home = self.scratch("home-of-asker")
        home.mkdir()
        (home / ".erlang.cookie").write_text(SECRET)
        (home / ".erlang.cookie").chmod(0o444)
        self.check_cause("cookie_file_refused", INDECLINE, saying=("chmod 400",), extra={"HOME": str(home)})
        refused = self.vm(Erl, "-sname", "blog@lowry", cookie=SECRET)
        refused.stop()
        (refused.home / ".erlang.cookie").chmod(0o444)
        refused.restart()
        eventually(refused.has_ended, "a VM does not start with it", 20)

    def test_a_flag_of_the_process_goes_before_its_file(self) -> None:
        lowry = self.vm(Erl, "-sname", LOWRY, "-setcookie", OTHER_SECRET, cookie=SECRET).started()
        self.vm(Iex, "--sname", INDECLINE, "--cookie", OTHER_SECRET, cookie="unused").started()
        found = self.check_connects(*PAIR)
        self.assertIn(f"-setcookie of pid {lowry.pid}", " ".join(found.seen("good")))
        self.assertTrue(lowry.connect(INDECLINE))

    def test_a_flag_for_the_other_alone(self) -> None:
        """It is compared and not shown: who asks under another name would be taken for wrong."""
        for from_flags, to_flags, cookies in (
            (("-setcookie", INDECLINE, "x"), ("-setcookie", LOWRY, "x"), (SECRET, OTHER_SECRET)),
            (("-setcookie", INDECLINE, OTHER_SECRET), (), (SECRET, OTHER_SECRET)),
            ((), ("-setcookie", LOWRY, SECRET), (SECRET, OTHER_SECRET)),
        ):
            with self.subTest(f"{from_flags} {to_flags}"):
                lowry = self.vm(Erl, "-sname", LOWRY, *from_flags, cookie=cookies[0]).started()
                indecline = self.vm(Erl, "-sname", INDECLINE, *to_flags, cookie=cookies[1]).started()
                self.check_connects(*PAIR)
                self.check_connects(*PAIR[::-1])
                self.assertNotIn("rejected", lowry.said + indecline.said)
                self.assertTrue(lowry.connect(INDECLINE))
                lowry.stop(), indecline.stop()
        self.vm(Erl, "-sname", LOWRY, "-setcookie", INDECLINE, "x", cookie=SECRET).started()
        self.vm(Erl, "-sname", INDECLINE, "-setcookie", LOWRY, "y", cookie=SECRET).started()
        self.check_cause("cookies_differ", *PAIR)

    def test_of_two_flags_none_counts(self) -> None:
        self.vm(Erl, "-sname", LOWRY, "-setcookie", "x", "-setcookie", "y", cookie=SECRET).started()
        self.vm(Iex, "--sname", INDECLINE, cookie=SECRET).started()
        self.check_connects(*PAIR)

    def test_standard_input(self) -> None:
        lowry, _ = self.pair()
        self.check_connects("--cookie", "-", INDECLINE, given=f"{OTHER_SECRET}\n")
        self.check_connects("--cookie", "-", INDECLINE, given=OTHER_SECRET)
        self.check_cause("cookies_differ", "--cookie-from", "-", "--cookie-to", "-", "--no-cookie-test", *PAIR, given=f"{SECRET}\n{OTHER_SECRET}\n")
        self.check_connects("--cookie-from", "-", "--cookie-to", "-", "--no-cookie-test", *PAIR, given="a\na\n")
        self.assertIn("has nothing", ctl("doctor", "--cookie", "-", INDECLINE, given="").stderr)

    def test_typed_on_a_terminal_it_is_not_shown(self) -> None:
        self.vm(Iex, "--sname", INDECLINE, cookie=SECRET).started()
        terminal = Terminal("doctor", "--cookie", "-", INDECLINE)
        terminal.await_text("please:")
        terminal.press(f"{SECRET}\n".encode())
        shown = terminal.finish()
        self.assertEqual(shown.status, 0, shown.text)
        self.assertNotIn(SECRET, shown.text)
        terminal = Terminal("doctor", "--cookie", "-", INDECLINE)
        terminal.await_text("please:")
        terminal.press(b"half\x03")
        self.assertIn("no cookie was given", terminal.finish().text)

    def test_a_file_of_another_user(self) -> None:
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        lowry, indecline = self.pair(to_cookie=SECRET)
        found = self.check_not_known(*PAIR, saying="is not known", uid=A_USER)
        self.assertIn("we may not read it", " ".join(found.seen("unknown")))
        self.assertIn("its environment is another user's", " ".join(found.seen("unknown")))
        given = self.cookie_file(SECRET)
        os.chown(given, A_USER, A_USER)
        found = self.check_not_known("--cookie-file", str(given), *PAIR, saying="ERL_INETRC", uid=A_USER)
        self.assertIn("accepts the cookie", " ".join(found.seen("good")))


    def test_a_link_to_a_file_of_another_user_is_not_read(self) -> None:
        """Root asks, and the node that is asked would see a proof that is made of the file."""
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        lowry = self.vm(Erl, "-sname", LOWRY, cookie="unused", uid=A_USER).started()
        self.vm(Iex, "--sname", INDECLINE, cookie=SECRET, uid=A_USER).started()
        (lowry.home / ".erlang.cookie").unlink()
        (lowry.home / ".erlang.cookie").symlink_to(self.cookie_file(SECRET))
        self.check_not_known(*PAIR, saying="it is another user's")


    def test_root_does_not_show_one_users_cookie_to_another_users_node(self) -> None:
        """Its proof could be passed on to the first one's node."""
        if not machine.other_users_exist():
            self.skipTest("needs root: only one user exists in this user namespace")
        lowry = self.vm(Erl, "-sname", LOWRY, cookie=SECRET, uid=A_USER).started()
        self.vm(Iex, "--sname", INDECLINE, cookie=OTHER_SECRET, uid=A_USER + 1).started()
        self.check_cause("cookies_differ", *PAIR, may_be_well=True)
        self.check_cause("cookies_differ", *PAIR[::-1], may_be_well=True)
        for vm in self.vms_:
            self.assertNotIn("rejected", vm.said)
        lowry.stop()
        self.vm(Erl, "-sname", LOWRY, cookie=OTHER_SECRET, uid=A_USER).started()
        self.assertIn("accepts the cookie", " ".join(self.check_connects(*PAIR).seen("good")))


class AsFrom(CookieCase):
    def test_the_pair_itself_is_tested(self) -> None:
        indecline = self.vm(Iex, "--sname", INDECLINE, cookie=OTHER_SECRET).started()
        indecline.set_cookie(LOWRY, SECRET)
        found = self.check_connects("--as-from", "--cookie", SECRET, *PAIR)
        self.assertIn("under that name", " ".join(found.seen("good")))
        found = self.check_cause("cookies_differ", "--as-from", "--cookie", OTHER_SECRET, *PAIR, saying=("has another cookie for idfe@lowry",))
        self.assertNotIn("--as-from", found.text)
        self.check_cause("cookies_differ", "--cookie", SECRET, *PAIR, may_be_well=True)  # not its default
        lowry = self.vm(Erl, "-sname", LOWRY, cookie=SECRET).started()
        self.assertTrue(lowry.connect(INDECLINE))

    def test_it_is_refused_while_from_runs(self) -> None:
        lowry, indecline = self.pair(to_cookie=SECRET)
        self.assertTrue(lowry.connect(INDECLINE))
        told = ctl("doctor", "--as-from", *PAIR)
        self.assertEqual(told.returncode, DOES_NOT)
        self.assertIn(f"{LOWRY} runs (pid {lowry.pid})", told.stderr)
        told = ctl("doctor", "--as-from", *PAIR, wrapper=machine.without_processes())
        self.assertIn(f"{LOWRY} runs (it is registered at 127.0.0.2)", told.stderr)
        self.assertEqual(lowry.nodes(), {INDECLINE})


class NeverShown(CookieCase):
    def test_neither_in_what_is_said_nor_in_the_list_of_processes(self) -> None:
        lowry, indecline = self.pair()
        for words in (
            ("doctor", *PAIR),
            ("doctor", "--json", *PAIR),
            ("doctor", "--cookie", SECRET, *PAIR),
            ("doctor", f"--cookie-from={SECRET}", f"--cookie-to={OTHER_SECRET}", "--no-cookie-test", *PAIR),
            ("doctor", "--cookie", SECRET + "\t", *PAIR),
            ("doctor", f"--cooki={SECRET}", *PAIR),
            ("doctor", *PAIR, "--", f"--cookie={SECRET}"),
        ):
            told = ctl(*words)
            for secret in (SECRET, OTHER_SECRET):
                self.assertNotIn(secret, told.stdout + told.stderr)
                self.assertNotIn(secret, self.daemon.log())

    def test_on_the_command_line_it_is_wiped(self) -> None:
        _, indecline = self.pair()
        indecline.evaluate(":sys.suspend(:net_kernel)")  # so that it takes its time
        for words in (("--cookie", SECRET), (f"--cookie-from={SECRET}", "--cookie-to", SECRET)):
            command = [EPMDCTL, "doctor", *words, *PAIR]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ctl_environment()) as process:
                line = Path(f"/proc/{process.pid}/cmdline")
                eventually(lambda: b"doctor" in line.read_bytes() and SECRET.encode() not in line.read_bytes(), "it is wiped")
                self.assertIn(INDECLINE.encode(), line.read_bytes())
                process.wait(20)
