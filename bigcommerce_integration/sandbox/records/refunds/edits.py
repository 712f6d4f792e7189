"""What happens to refunds while we read: new ones at the end, and payments that are declined afterwards."""

from typing import Any

from ..jsontext import dumps, loads
from ..moments import parse
from ..state import StoreState, require_known


class RefundEdits(StoreState):
    """Every method takes the lock and returns when the next answer shows the edit."""

    def create_refund(self, order_id: int, *, kind: str = "partial", **fields: Any) -> int:
        """A new refund of the order above all others, dated now unless `created` says when; returns its id.

        `fields` are as the API names them, `kind` one of `maker.AWKWARD_KINDS`.
        """
        with self.lock:
            created = parse(fields["created"]) if "created" in fields else int(self.now)
            order = self.orders[order_id]
            refund = self.refund_maker.make(self.refunds.last + 1, created, order, kind, **fields)
            self.refunds[refund.id] = refund
            return refund.id

    def edit_refund(self, refund_id: int, **fields: Any) -> None:
        """Change fields of a refund, such as its `payments`."""
        with self.lock:
            refund = self.refunds[refund_id]
            values = loads(refund.text)
            require_known(fields, values, "a refund")
            values.update(fields)
            refund.created, refund.order_id = parse(values["created"]), values["order_id"]
            refund.text = dumps(values)

    def decline_payments(self, refund_id: int) -> None:
        """The providers decline all payments of a refund, which changes nothing else of it."""
        with self.lock:
            payments = loads(self.refunds[refund_id].text)["payments"]
            declined = {"is_declined": True, "declined_message": "Insufficient funds."}
            self.edit_refund(refund_id, payments=[{**each, **declined} for each in payments])

    def delete_refund(self, refund_id: int) -> None:
        """Make a refund disappear; not documented to happen, so a client must bear it."""
        with self.lock:
            del self.refunds[refund_id]
