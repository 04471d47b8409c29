"""Stock epmd refuses the second VM of a name, whatever its host: so the other modules test the right thing."""

from __future__ import annotations

import ask
from case import Case
from daemon import STOCK
from vm import Erl, Iex, Vm


class StockRefuses(Case):
    def check(self, kind: type[Vm], flag: str, first: str, second: str) -> None:
        self.serve(path=STOCK)
        holder = self.vm(kind, flag, first).started()
        port = holder.distribution_port()
        newcomer = self.vm(kind, flag, second)
        self.assertTrue(newcomer.refused(), newcomer.said)
        self.assertIn(f"the name {second} seems to be in use by another Erlang node", newcomer.said)
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
            self.assertEqual(ask.names(address), {"idfe": port})

    def test_short_names(self) -> None:
        self.check(Erl, "-sname", "idfe@lowry", "idfe@indecline")

    def test_long_names(self) -> None:
        self.check(Erl, "-name", "idfe@lowry.example.test", "idfe@indecline.example.test")

    def test_literal_addresses(self) -> None:
        self.check(Erl, "-name", "idfe@127.0.0.2", "idfe@127.0.0.3")

    def test_elixir(self) -> None:
        self.check(Iex, "--sname", "idfe@lowry", "idfe@indecline")
