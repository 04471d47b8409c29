"""VMs of two releases on one machine: this machine's own, and those of the root that --otp-root names."""

from __future__ import annotations

import os

import ask
from case import ServedCase
from vm import Erl, Iex, Vm, eventually

ROOT = os.environ.get("LOOPMD_E2E_OTP_ROOT", "")
COOKIE = "a_shared_cookie"


class TwoReleases(ServedCase):
    def setUp(self) -> None:
        self.assertTrue(ROOT, "this needs --otp-root; scripts/test-otp27 gives it")
        super().setUp()

    def check(self, kind: type[Vm], flag: str) -> None:
        lowry = self.vm(kind, flag, "idfe@lowry", cookie=COOKIE, root="")
        indecline = self.vm(kind, flag, "idfe@indecline", cookie=COOKIE, root=ROOT)
        for vm, address in ((lowry, "127.0.0.2"), (indecline, "127.0.0.3")):
            vm.started()
            self.assertEqual(ask.names(address), {"idfe": vm.distribution_port()})
        release = "erlang:system_info(otp_release)" if kind is Erl else ":erlang.system_info(:otp_release)"
        self.assertNotEqual(lowry.evaluate(release), indecline.evaluate(release))
        self.assertTrue(lowry.connect("idfe@indecline"))
        self.assertEqual(indecline.node_by_rpc("idfe@lowry"), "idfe@lowry")
        lowry.disconnect("idfe@indecline")
        eventually(lambda: indecline.nodes() == set(), "they are apart again")
        self.assertTrue(indecline.connect("idfe@lowry"))
        self.assertEqual(lowry.node_by_rpc("idfe@indecline"), "idfe@indecline")

    def test_erlang(self) -> None:
        self.check(Erl, "-sname")

    def test_elixir(self) -> None:
        self.check(Iex, "--sname")

    def test_the_epmd_of_either_release_gives_way_to_ours(self) -> None:
        """Each VM starts the epmd of its own release before it registers."""
        vms = [self.vm(Erl, "-sname", name, cookie=COOKIE, root=root) for name, root in (("old@lowry", ""), ("new@lowry", ROOT))]
        for vm in vms:
            vm.started()
        self.assertEqual(ask.names("127.0.0.2"), {"old": vms[0].distribution_port(), "new": vms[1].distribution_port()})
        self.assertTrue(vms[0].connect("new@lowry"))
