"""``/api/big-commerce/<id>/accounting-documents``: documents for the host's accounting."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from ...answers.accounting import document_answer, document_row_answer
from ...answers.files import file_answer
from ...operations.accounting import documents
from ...operations.accounting.documents import DocumentView
from ...operations.accounting.exports import export_documents
from ...schemas.accounting import DocumentFilters, DocumentsQuery
from ...schemas.query import read_query
from ..http.access import authorize, parse_id
from ..mirror.cursors import list_answer, read_list_query
from ..mirror.exports import authorize_export, exports
from ..mirror.schemas import NextChanges, NextPage
from ..openapi.fields import Either
from ..openapi.next_steps import FROM_DOCUMENT
from ..openapi.operation import Answered, Operation, answer_of
from .schemas import AccountingDocument, AccountingDocumentWithLines

READ = "read_accounting"
TAG = "Accounting"
ETAG = ("ETag", "The version of what a person judges, to be sent back as If-Match.")


@Operation(
    id="listAccountingDocuments",
    tag=TAG,
    description=(
        "By number. A page may be short, or empty, and still have a next one. `changed_after` goes without filters and "
        "lists all changes by change number; a document that is withdrawn before it is posted is gone from the list."
    ),
    query=DocumentsQuery,
    answers={
        200: answer_of(
            AccountingDocument,
            "One page of them.",
            many=True,
            meta=Either(
                (NextPage, NextChanges), "Where the next page begins; of changes, if `changed_after` is given."
            ),
        )
    },
    step="instance",
)
def get_accounting_documents(instance_id: str) -> dict[str, Any]:
    """The documents for the host's accounting, without their lines."""
    context = authorize(READ, instance_id)
    query = read_list_query(request, DocumentsQuery)
    columns = documents.shown_columns(context)
    return list_answer(context, query, documents.wanted(context, query), columns, document_row_answer)


@exports(
    "AccountingDocuments",
    "The documents with their lines",
    DocumentFilters,
    "number,kind,status\r\n42,sales_order_invoice,posted\r\n",
    tag=TAG,
    note="One row for each line: what is said of the document stands in each of its rows.",
)
def get_accounting_documents_export(instance_id: str) -> Response:
    """The documents with their lines, as a file."""
    context = authorize_export(instance_id, READ)
    query = read_query(request, DocumentFilters)
    return file_answer(export_documents(context, query))


@Operation(
    id="getAccountingDocument",
    tag=TAG,
    answers={200: answer_of(AccountingDocumentWithLines, "The document.", headers=[ETAG])},
    step="document",
    leads_to=FROM_DOCUMENT,
)
def get_accounting_document(instance_id: str, number: str) -> Answered:
    """One document with its lines."""
    context = authorize(READ, instance_id)
    return answered(documents.find_document(context, parse_id(number)))


def answered(view: DocumentView) -> Answered:
    """The document, with its version in the header."""
    return {"data": document_answer(view)}, 200, {"ETag": f'"{view.version}"'}
