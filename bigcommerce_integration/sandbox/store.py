"""The stand-in store without HTTP: its records, what may be done to it, and the truth about it."""

import json
import re
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from .information import information
from .mutation import mutate
from .records.orders.edits import OrderEdits
from .records.products.edits import CatalogEdits
from .records.refunds.edits import RefundEdits
from .server.faults import Faults
from .server.http_values import Route
from .server.quota import Quota
from .switches import Switches

READ_SCOPES = frozenset({"store_v2_products_read_only", "store_v2_orders_read_only", "store_v2_information_read_only"})
_HASH_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class SandboxStore(CatalogEdits, OrderEdits, RefundEdits):
    """A store of made-up records, the same for the same seed; only the secrets are new each time.

    `now` is the day before which the records are dated: the begin of today (UTC) if not given.
    `quota` is the requests in each window of `window_s` seconds for all apps together; None is unlimited.
    `awkward=False` leaves out the records made to be difficult.
    `extra_routes` serve collections that this store does not know of itself.
    """

    def __init__(
        self,
        products: int = 40,
        orders: int = 60,
        seed: int = 1,
        *,
        quota: int | None = None,
        window_s: float = 30,
        store_hash: str | None = None,
        access_token: str | None = None,
        timezone: str = "America/Chicago",
        currency: str = "USD",
        now: datetime | None = None,
        awkward: bool = True,
        clock: Callable[[], float] = time.time,
        extra_routes: Iterable[Route] = (),
    ) -> None:
        self.switches = Switches()
        self.quota = Quota(quota, window_s)
        self.faults = Faults(seed)
        self.extra_routes = list(extra_routes)
        self.timezone = timezone
        self.currency = currency
        self.apps: dict[str, set[str]] = {}
        self.access_token = access_token or secrets.token_hex(16)
        self.apps[self.access_token] = set(READ_SCOPES)
        if store_hash is None:
            letters = Random(seed)
            store_hash = "".join(letters.choice(_HASH_ALPHABET) for _ in range(10))
        super().__init__(products, orders, seed, store_hash=store_hash, now=now, awkward=awkward, clock=clock)

    @property
    def scopes(self) -> set[str]:
        """What the first app's token may read; change it, or assign another."""
        return self.apps[self.access_token]

    @scopes.setter
    def scopes(self, scopes: set[str]) -> None:
        self.apps[self.access_token] = set(scopes)

    def set_token(self, access_token: str | None = None) -> str:
        """Give the first app another token; the one before is refused from now on."""
        with self.lock:
            new = access_token or secrets.token_hex(16)
            self.apps[new] = self.apps.pop(self.access_token)
            self.access_token = new
            return new

    def add_app(self, scopes: Iterable[str] | None = None) -> str:
        """Let another app in, which shares the quota; returns its token."""
        with self.lock:
            token = secrets.token_hex(16)
            self.apps[token] = set(READ_SCOPES if scopes is None else scopes)
            return token

    def use_quota(self, requests: int) -> None:
        """Use up quota, as the store's other apps do."""
        with self.lock:
            self.quota.take(requests)

    def information(self) -> dict[str, Any]:
        """What `GET /v2/store` answers."""
        return information(self.store_hash, self.seed, self.timezone, self.currency, self.now)

    def set_information(self, *, timezone: str | None = None, currency: str | None = None) -> dict[str, Any]:
        """Change what `GET /v2/store` says: another time zone, another default currency. Orders stay as they are.

        Raises ValueError, or KeyError, for a time zone that there is not or a currency that is no code.
        """
        if timezone is not None:
            ZoneInfo(timezone)
        if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
            raise ValueError(f"a currency is three capital letters, not {currency!r}")
        with self.lock:
            self.timezone, self.currency = timezone or self.timezone, currency or self.currency
            return {"timezone": self.timezone, "currency": self.currency}

    def product_records(self) -> list[tuple[int, str]]:
        """Every product with the text that `GET products?include=variants` sends of it now, by id."""
        with self.lock:
            return [(product_id, self.products[product_id].with_variants()) for product_id in self.product_ids]

    def order_records(self) -> list[tuple[int, str]]:
        """Every order, archived ones too, with the text that a list sends of it now, by id.

        The list is `GET orders?include=consignments.line_items,fees&consignment_structure=object`:
        long consignments are cut off in it.
        """
        with self.lock:
            return [
                (order_id, self.orders[order_id].render(self.api_root, consignments="line_items", fees=True))
                for order_id in self.order_ids
            ]

    def order_line_records(self, order_id: int) -> list[tuple[int, str]]:
        """All lines of an order, none cut off, with the text that `GET orders/{id}/products` sends, by id."""
        with self.lock:
            return [(line.id, line.text) for line in sorted(self.orders[order_id].lines, key=lambda line: line.id)]

    def refund_records(self) -> list[tuple[int, str]]:
        """Every refund with the text that `GET orders/payment_actions/refunds` sends of it now, by id."""
        with self.lock:
            return [(refund_id, self.refunds[refund_id].text) for refund_id in self.refund_ids]

    def order_lines(self, order_id: int) -> list[dict[str, Any]]:
        """All lines of an order, none cut off, by id."""
        return [json.loads(text) for _, text in self.order_line_records(order_id)]

    def mutate(self, rng: Random) -> str:
        """One random edit of any kind; returns what it did."""
        return mutate(self, rng)
