"""A stand-in BigCommerce store, served over HTTP on loopback, with faults on demand."""

from .server.faults import Fault
from .server.http_server import SandboxServer
from .store import SandboxStore
from .switches import Switches

__all__ = ["Fault", "SandboxServer", "SandboxStore", "Switches"]
