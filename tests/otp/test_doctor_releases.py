"""epmdctl doctor and the handshakes of three releases: OTP 23's root, this machine's own, and OTP 27's root."""

from __future__ import annotations

import os

from case import ServedCase
from doctor import DoctorCase
from vm import Erl, Iex, Vm, eventually

OLD, NEW = os.environ.get("LOOPMD_E2E_OLD_OTP_ROOT", ""), os.environ.get("LOOPMD_E2E_OTP_ROOT", "")
COOKIE = "a_shared_cookie"
LOWRY, INDECLINE = "idfe@lowry", "idfe@indecline"


class Releases(DoctorCase, ServedCase):
    def setUp(self) -> None:
        self.assertTrue(OLD and NEW, "this needs --old-otp-root and --otp-root; scripts/test-otp27 gives them")
        super().setUp()

    def vms(self, lowry: str, indecline: str, kind: type[Vm] = Erl, cookies: tuple[str, str] = (COOKIE, COOKIE)) -> tuple[Vm, Vm]:
        flag = "-sname" if kind is Erl else "--sname"
        vms = [
            self.vm(kind, flag, name, cookie=cookie, root=root)
            for name, cookie, root in ((LOWRY, cookies[0], lowry), (INDECLINE, cookies[1], indecline))
        ]
        for vm in vms:
            vm.started()
        return vms[0], vms[1]

    def test_23_and_27_do_not_connect(self) -> None:
        old, new = self.vms(OLD, NEW)
        self.assertFalse(old.connect(INDECLINE))
        self.assertFalse(new.connect(LOWRY))
        for pair in ((LOWRY, INDECLINE), (INDECLINE, LOWRY)):
            found = self.check_cause("flags_too_old", *pair, saying=(f"{LOWRY} is too old for {INDECLINE}", "V4_NC, UNLINK_ID"))
            self.assertIn("OTP 23", " ".join(found.seen("good")) if pair[0] == LOWRY else "OTP 23")

    def test_23_that_is_not_to_be_met_and_27(self) -> None:
        old = self.vm(Erl, "-sname", LOWRY, "-dist_listen", "false", cookie=COOKIE, root=OLD).started()
        self.vm(Erl, "-sname", INDECLINE, cookie=COOKIE, root=NEW).started()
        self.assertFalse(old.connect(INDECLINE))
        self.check_cause("flags_too_old", LOWRY, INDECLINE, saying=("V4_NC, UNLINK_ID",))

    def test_releases_that_connect(self) -> None:
        for roots in ((OLD, ""), ("", OLD), ("", NEW), (NEW, "")):
            for kind in (Erl, Iex):
                with self.subTest(roots=roots, kind=kind.__name__):
                    lowry, indecline = self.vms(*roots, kind=kind)
                    self.check_connects(LOWRY, INDECLINE)
                    self.assertTrue(lowry.connect(INDECLINE))
                    lowry.stop(), indecline.stop()

    def test_cookies_of_each_release(self) -> None:
        for root in (OLD, "", NEW):
            with self.subTest(root):
                lowry, indecline = self.vms("", root, cookies=(COOKIE, "another"))
                self.assertFalse(lowry.connect(INDECLINE))
                eventually(lambda: indecline.said.count("Invalid challenge reply") == 1, "the line of the VM that tried")
                self.check_cause("cookies_differ", LOWRY, INDECLINE, may_be_well=True)
                eventually(lambda: indecline.said.count("Invalid challenge reply") == 2, "one more")
                found = self.check_connects("--cookie-file", str(indecline.home / ".erlang.cookie"), INDECLINE)
                self.assertIn("accepts the cookie", " ".join(found.seen("good")))
                lowry.stop(), indecline.stop()
