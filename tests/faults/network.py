"""Hosts on one machine: a network namespace each, and a switch between them.

Needs iproute2 and the right to make namespaces (root, as a rule).
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SUBNET = "198.18.77"
"""Of the addresses that are set aside for tests of network equipment."""

OURS = 1
"""The number of this machine itself, which has a wire to the switch, too."""


class NoNamespacesError(Exception):
    """This machine does not let us make network namespaces."""


@dataclass(frozen=True)
class Host:
    """A namespace with one wire to the switch."""

    network: str
    name: str
    number: int

    @property
    def address(self) -> str:
        return f"{SUBNET}.{self.number}"

    @property
    def namespace(self) -> str:
        return f"{self.network}-{self.name}"

    @property
    def inside(self) -> tuple[str, ...]:
        """What to put before a command to have it run on this host."""
        return ("ip", "netns", "exec", self.namespace)

    @property
    def port(self) -> str:
        """The end of its wire at the switch."""
        return f"port{self.number}"

    def plug(self, how: str) -> None:
        """Have the wire ``up`` or ``down``."""
        _ip("-n", f"{self.network}-switch", "link", "set", self.port, how)

    def pids(self) -> list[int]:
        return [int(pid) for pid in _ip("netns", "pids", self.namespace).split()]

    def kill(self) -> None:
        """As if the power had failed: every process at once."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """Some hosts on a switch of their own; gone afterwards, with all that runs there.

    Raises:
        NoNamespacesError: if that may not be done here.
    """
    network = f"um{os.getpid()}"
    made = [Host(network, name, 10 + number) for number, name in enumerate(names)]
    switch = f"{network}-switch"
    try:
        try:
            _ip("netns", "add", switch)
            _ip("-n", switch, "link", "add", "switch", "type", "bridge")
        except (OSError, subprocess.CalledProcessError) as error:
            raise NoNamespacesError(str(error)) from error
        _ip("-n", switch, "link", "set", "switch", "up")
        for host in made:
            _plug_in(host, switch)
        _plug_in_ourselves(switch)
        yield made
    finally:
        for host in made:
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                host.kill()
                _ip("netns", "del", host.namespace)
        if shutil.which("ip"):
            subprocess.run(
                ["ip", "netns", "del", switch], capture_output=True, check=False
            )


def _plug_in(host: Host, switch: str) -> None:
    there = ("-n", host.namespace)
    _ip("netns", "add", host.namespace)
    wire = ["link", "add", host.port, "type", "veth", "peer", "name", "eth0"]
    _ip("-n", switch, *wire, "netns", host.namespace)
    _ip("-n", switch, "link", "set", host.port, "master", "switch", "up")
    _ip(*there, "addr", "add", f"{host.address}/24", "dev", "eth0")
    _ip(*there, "link", "set", "eth0", "up")
    _ip(*there, "link", "set", "lo", "up")


def _plug_in_ourselves(switch: str) -> None:
    name = f"{switch.removesuffix('-switch')}-desk"
    wire = ["link", "add", name, "type", "veth", "peer", "name", "desk"]
    _ip(*wire, "netns", switch)
    _ip("-n", switch, "link", "set", "desk", "master", "switch", "up")
    _ip("addr", "add", f"{SUBNET}.{OURS}/24", "dev", name)
    _ip("link", "set", name, "up")


def _ip(*arguments: str) -> str:
    command: Sequence[str] = ["ip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
