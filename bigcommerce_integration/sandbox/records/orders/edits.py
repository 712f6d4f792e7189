"""Edits of orders and their lines, as shoppers, merchants and other apps make them while we read."""

from decimal import Decimal
from typing import Any

from ..base import Line, Order
from ..jsontext import dumps, loads
from ..moments import parse, rfc2822
from ..state import StoreState, UnknownRecord, require_known
from ..words import STATUS_NAMES


class OrderEdits(StoreState):
    """Every method takes the lock and returns when the next answer shows the edit."""

    def create_order(self, *, kind: str = "plain", lines: int | None = None, **fields: Any) -> int:
        """A new order above all others (or with `id`), dated now; returns its id.

        `fields` are as the API names them, `kind` one of `order_maker.HEAVY_KINDS` or `LIGHT_KINDS`; `fees` are a list.
        """
        with self.lock:
            now = int(self.now)
            order_id = fields.pop("id", self.orders.last + 1)
            if order_id in self.orders:
                raise ValueError(f"order {order_id} exists")
            created = parse(fields["date_created"]) if "date_created" in fields else now
            modified = parse(fields["date_modified"]) if "date_modified" in fields else now
            order = self.order_maker.make(order_id, created, modified, kind, lines)
            _change(order, fields)
            self.orders[order_id] = order
            return int(order_id)

    def edit_order(self, order_id: int, **fields: Any) -> None:
        """Change fields of an order; its `date_modified` moves to now unless given."""
        with self.lock:
            _change(self.orders[order_id], {"date_modified": rfc2822(int(self.now)), **fields})

    def archive_order(self, order_id: int) -> None:
        """What `DELETE /v2/orders/{id}` does: the order stays, marked as deleted."""
        self.edit_order(order_id, is_deleted=True)

    def restore_order(self, order_id: int) -> None:
        """Take an order out of the archive."""
        self.edit_order(order_id, is_deleted=False)

    def delete_order(self, order_id: int) -> None:
        """Make an order answer 404; not documented to happen, so a client must bear it."""
        with self.lock:
            del self.orders[order_id]

    def add_line(self, order_id: int, **fields: Any) -> int:
        """One more line in the order's first consignment, totals following; returns its id."""
        with self.lock:
            order = self.orders[order_id]
            made = self.order_maker.add_line(order)
            if fields:
                made.text = dumps(_edited_line(loads(made.text), fields))
            order.lines.append(made)
            if order.consignments:
                order.consignments[0].lines.append(made)
            self._recount(order)
            return made.id

    def edit_line(self, order_id: int, line_id: int, **fields: Any) -> None:
        """Change a line; its totals follow a new quantity or price, the order's follow the line's."""
        with self.lock:
            order = self.orders[order_id]
            line = _line(order, line_id)
            line.text = dumps(_edited_line(loads(line.text), fields))
            self._recount(order)

    def remove_line(self, order_id: int, line_id: int) -> None:
        """Take a line out of an order."""
        with self.lock:
            order = self.orders[order_id]
            line = _line(order, line_id)
            order.lines.remove(line)
            for consignment in order.consignments:
                if line in consignment.lines:
                    consignment.lines.remove(line)
            self._recount(order)

    def _recount(self, order: Order) -> None:
        """The order's sums from its lines."""
        lines = [loads(line.text) for line in order.lines]
        values = loads(order.base)
        sums = {end: sum((Decimal(line[f"total_{end}"]) for line in lines), Decimal()) for end in ("ex_tax", "inc_tax")}
        fields: dict[str, Any] = {"items_total": sum(line["quantity"] for line in lines)}
        for end, subtotal in sums.items():
            fields[f"subtotal_{end}"] = f"{subtotal:.4f}"
            rest = sum(Decimal(values[f"{cost}_cost_{end}"]) for cost in ("shipping", "handling", "wrapping"))
            fields[f"total_{end}"] = f"{subtotal + rest - Decimal(values['coupon_discount']):.4f}"
        fields["subtotal_tax"] = f"{sums['inc_tax'] - sums['ex_tax']:.4f}"
        fields["total_tax"] = f"{Decimal(fields['total_inc_tax']) - Decimal(fields['total_ex_tax']):.4f}"
        self.edit_order(order.id, **fields)


def _change(order: Order, fields: dict[str, Any]) -> None:
    values, fields = loads(order.base), dict(fields)
    if "fees" in fields:
        order.fees = dumps(fields.pop("fees"))
    require_known(fields, values, "an order")
    if "status_id" in fields:
        name = STATUS_NAMES.get(fields["status_id"], "")
        values.update(status=name, custom_status=name)
    values.update(fields)
    order.created, order.modified = parse(values["date_created"]), parse(values["date_modified"])
    order.status_id, order.archived = values["status_id"], values["is_deleted"]
    order.base = dumps(values)


def _edited_line(values: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    require_known(fields, values, "a line")
    values = {**values, **fields}
    if fields.keys() & {"quantity", "price_ex_tax", "price_inc_tax"}:
        for end in ("ex_tax", "inc_tax"):
            values[f"total_{end}"] = f"{Decimal(values[f'price_{end}']) * values['quantity']:.4f}"
        tax = Decimal(values["total_inc_tax"]) - Decimal(values["total_ex_tax"])
        follows = {"base_total": values["total_ex_tax"], "total_tax": f"{tax:.4f}"}
        follows["discounted_total_inc_tax"] = values["total_inc_tax"]
        values = {**values, **follows, **fields}
    return values


def _line(order: Order, line_id: int) -> Line:
    for line in order.lines:
        if line.id == line_id:
            return line
    raise UnknownRecord(f"no line {line_id} in order {order.id}")
