"""A stand-in BigCommerce store, served over HTTP on loopback, with faults on demand."""

from .server.faults import Fault
from .server.http_server import SandboxServer
from .server.http_values import Answer, Route
from .store import SandboxStore
from .switches import Switches

__all__ = ["Answer", "Fault", "Route", "SandboxServer", "SandboxStore", "Switches"]
