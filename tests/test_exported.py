from __future__ import annotations

import re
from pathlib import Path

import bigcommerce_integration
from bigcommerce_integration import errors
from bigcommerce_integration.models import tables


def test_the_public_names_are_these_and_no_others() -> None:
    assert set(bigcommerce_integration.__all__) == {
        "AccountingBatch",
        "AccountingDocument",
        "AccountingHost",
        "AccountingLine",
        "AccountingMemo",
        "Attention",
        "AttentiveHost",
        "BigCommerceError",
        "Host",
        "IntegrationInstance",
        "Missing",
        "ProductDraft",
        "SQLAlchemyHost",
        "__version__",
        "create_blueprint",
        "create_pages",
        "instance_changed",
        "instance_created",
        "instance_deleted",
        "metadata",
        "products_added",
        "refresh_finished",
        "tables",
    }
    assert all(hasattr(bigcommerce_integration, name) for name in bigcommerce_integration.__all__)


def test_package_declares_that_it_is_typed() -> None:
    assert (Path(bigcommerce_integration.__file__).parent / "py.typed").exists()


def test_version_has_the_form_of_a_release() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", bigcommerce_integration.__version__)


def test_metadata_holds_our_tables_alone() -> None:
    names = set(bigcommerce_integration.metadata.tables)
    assert tables.instances.name in names
    assert all(name.startswith("bigcommerce_") for name in names)


def test_every_error_of_ours_has_the_one_root() -> None:
    classes = [each for each in vars(errors).values() if isinstance(each, type) and each.__module__ == errors.__name__]
    ours = [each for each in classes if issubclass(each, BaseException)]
    assert len(ours) > 15
    assert all(issubclass(each, bigcommerce_integration.BigCommerceError) for each in ours)
