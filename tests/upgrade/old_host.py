"""What a host of version 0.1.0 did before it was upgraded; run with that version's code.

It connects a store twice. The first instance completes its refreshes, with rejected records; then a user links a
variant by hand, and starts and cancels a refresh; a person is erased. The second is in the middle of its first
refresh when the process dies.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, Callbacks, Retries, ShutdownNotifications

from tests.host_app import HostApp, bearer, new_instance

URL = "/api/big-commerce"
OPEN = ("pending", "processing")
PAGE_SIZE = 5


class OldHost:
    """The app, and a user who is logged in."""

    def __init__(self, database_url: str, api_url: str) -> None:
        broker = StubBroker(middleware=[AgeLimit(), ShutdownNotifications(), Callbacks(), Retries()])
        code = HostApp(model_options={"Product": {"__tablename__": "demo_products"}})
        settings = {"API_URL": api_url, "PAGE_SIZE": PAGE_SIZE, "TICK_S": 0.5, "LEASE_S": 3}
        self.app = code.create_app(
            database_url, broker=broker, settings={f"BIGCOMMERCE_{name}": value for name, value in settings.items()}
        )
        code.create_rows(self.app)
        self._client, self._headers = self.app.test_client(), bearer(self.app)
        Worker(broker, worker_threads=2, worker_timeout=50).start()

    def call(self, method: str, path: str = "", body: Any = None) -> Any:
        """What the API answers."""
        answer = self._client.open(f"{URL}{path}", method=method, json=body, headers=self._headers)
        assert answer.status_code in (200, 201, 202), (path, answer.text)
        return answer.json["data"]

    def connect(self, name: str, store_hash: str, token: str, *, links: bool) -> int:
        """Connect the store; the new instance's id."""
        body = new_instance(
            name=name,
            connection_settings__access_token=token,
            integration_settings__store_hash=store_hash,
            integration_settings__start_date="2010-01-01",
            integration_settings__auto_link_products=links,
            integration_settings__auto_create_products=links,
        )
        return int(self.call("POST", body=body)["id"])

    def refreshes(self, instance_id: int) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/{instance_id}/refreshes"))

    def wait_closed(self, instance_id: int) -> None:
        while any(each["status"] in OPEN for each in self.refreshes(instance_id)):
            time.sleep(0.1)

    def wait_half_way(self, instance_id: int) -> None:
        """Until one of the refreshes has written some pages and has more to read; the other one waits for it."""
        while True:
            refreshes = self.refreshes(instance_id)
            assert all(each["status"] in OPEN for each in refreshes), refreshes
            if any(each["results"]["fetched"] >= 2 * PAGE_SIZE for each in refreshes):
                return
            time.sleep(0.01)


def main(database_url: str, api_url: str, store_hash: str, token: str) -> None:
    """All of it, up to the death."""
    host = OldHost(database_url, api_url)
    first = host.connect("Main shop", store_hash, token, links=True)
    host.wait_closed(first)
    (conflict, *_) = host.call("GET", f"/{first}/variants?conflict=true")
    linked = host.call("GET", f"/{first}/variants?linked=true")[0]
    link = {"host_product_id": linked["host_product_id"]}
    host.call("POST", f"/{first}/variants/{conflict['bigcommerce_id']}/link", link)
    customer_id = next(each["customer_id"] for each in host.call("GET", f"/{first}/orders") if each["customer_id"])
    done = host.app.test_cli_runner().invoke(args=["bigcommerce", "erase", "--customer-id", str(customer_id)])
    assert done.exit_code == 0, done.output
    started = host.call("POST", f"/{first}/products/refresh", {"mode": "full"})
    host.call("POST", f"/{first}/refreshes/{started['id']}/cancel")
    host.wait_closed(first)
    second = host.connect("Second shop", store_hash, token, links=False)
    host.wait_half_way(second)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
