"""Edits of products and variants, as a merchant or another app makes them while we read."""

from typing import Any

from ...switches import Switches
from ..base import Product, Variant
from ..jsontext import dumps, loads
from ..moments import iso, parse
from ..state import StoreState, require_known


class CatalogEdits(StoreState):
    """Every method takes the lock and returns when the next answer shows the edit."""

    switches: Switches

    def create_product(self, *, kind: str = "plain", variants: int | None = None, **fields: Any) -> int:
        """A new product above all others (or with `id`), dated now; returns its id.

        `fields` are as the API names them, `kind` one of `product_maker.KINDS`.
        """
        with self.lock:
            now = int(self.now)
            product_id = fields.pop("id", self.products.last + 1)
            if product_id in self.products:
                raise ValueError(f"product {product_id} exists")
            created = parse(fields["date_created"]) if "date_created" in fields else now
            modified = parse(fields["date_modified"]) if "date_modified" in fields else max(now, created)
            product = self.product_maker.make(product_id, created, modified, kind, variants)
            self._change(product, fields)
            self.put_product(product)
            return int(product_id)

    def edit_product(self, product_id: int, **fields: Any) -> None:
        """Change fields of a product; its `date_modified` moves to now unless given."""
        with self.lock:
            product = self.products[product_id]
            self._change(product, {"date_modified": iso(int(self.now)), **fields})

    def delete_product(self, product_id: int) -> None:
        """Remove a product and its variants; nothing of it is left in any list."""
        with self.lock:
            product = self.products[product_id]
            del self.products[product_id]
            for variant in product.variants:
                del self.variants[variant.id]
            self.changed(product_id)

    def create_variant(self, product_id: int, *, sku: str = "", **fields: Any) -> int:
        """A new variant of a product; returns its id."""
        with self.lock:
            product = self.products[product_id]
            variant = self.product_maker.add_variant(product, sku, {})
            self.variants[variant.id] = variant
            self._change_variant(variant, {"calculated_price": loads(product.base)["calculated_price"], **fields})
            if len(product.variants) > 1:
                # A product with options has no base variant (reference/catalog/products_catalog.v3.yml).
                self._change(product, {"base_variant_id": None})
            return variant.id

    def edit_variant(self, variant_id: int, **fields: Any) -> None:
        """Change fields of a variant; the product's `date_modified` stays, unless the switch says otherwise."""
        with self.lock:
            self._change_variant(self.variants[variant_id], fields)

    def delete_variant(self, variant_id: int) -> None:
        """Remove one variant."""
        with self.lock:
            variant = self.variants[variant_id]
            self._take_out(variant)
            del self.variants[variant_id]

    def move_variant(self, variant_id: int, product_id: int) -> None:
        """Put a variant under another product, its id kept; 0 makes it an orphan (I:bigcommerce/api#44)."""
        with self.lock:
            variant = self.variants[variant_id]
            target = self.products[product_id] if product_id else None
            self._take_out(variant)
            variant.product_id = product_id
            if target is not None:
                target.variants.append(variant)
            self._change_variant(variant, {"product_id": product_id})

    def set_stock(self, variant_id: int, level: int | None) -> None:
        """Set a variant's stock; the product's level follows as the sum."""
        with self.lock:
            variant = self.variants[variant_id]
            self._change_variant(variant, {"inventory_level": level})
            if product := self.products.get(variant.product_id):
                total = sum(loads(other.text)["inventory_level"] or 0 for other in product.variants)
                self._change(product, {"inventory_level": max(total, 0)})

    def _change(self, product: Product, fields: dict[str, Any]) -> None:
        values = loads(product.base)
        parts = {name: fields.pop(name) for name in ("images", "custom_fields", "channels") if name in fields}
        require_known(fields, values, "a product")
        values.update(fields)
        if ("price" in fields or "sale_price" in fields) and "calculated_price" not in fields:
            values["calculated_price"] = values["sale_price"] or values["price"]
            for variant in product.variants:
                if loads(variant.text)["price"] is None:
                    variant.text = dumps({**loads(variant.text), "calculated_price": values["calculated_price"]})
        product.parts.update({name: dumps(part) for name, part in parts.items()})
        product.created, product.modified = parse(values["date_created"]), parse(values["date_modified"])
        product.base = dumps(values)
        self.changed(product.id)

    def _change_variant(self, variant: Variant, fields: dict[str, Any]) -> None:
        values = loads(variant.text)
        require_known(fields, values, "a variant")
        values.update(fields)
        product = self.products.get(variant.product_id)
        if "price" in fields and "calculated_price" not in fields:
            inherited = loads(product.base)["calculated_price"] if product else 0
            values["calculated_price"] = inherited if values["price"] is None else values["price"]
        variant.text = dumps(values)
        if product is not None:
            self._moved(product)

    def _take_out(self, variant: Variant) -> None:
        """Out of its product, if it has one."""
        if product := self.products.get(variant.product_id):
            product.variants.remove(variant)
            self._moved(product)

    def _moved(self, product: Product) -> None:
        self.changed(product.id)
        if self.switches.catalog_edits_move_date:
            self._change(product, {"date_modified": iso(int(self.now))})
