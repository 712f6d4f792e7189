"""The check of the encryption keys."""

from __future__ import annotations

from sqlalchemy import select

from ...encryption import TokenCipher
from ...errors import KeyMissing
from .deployment import Deployment, name_of
from .results import Result

_ROTATE = "Run `flask bigcommerce rotate-keys`; only then remove the old key."
_LOST = (
    "Put the key with which it was encrypted back at the end of BIGCOMMERCE_ENCRYPTION_KEYS, in every process, "
    "or enter the token again."
)


def keys(deployment: Deployment) -> list[Result]:
    """Open every secret that is stored: with the first key it is well, with another one a rotation is not finished."""
    state = deployment.state
    first = TokenCipher(state.config.encryption_keys[:1])
    results, old = [], 0
    table = state.tables.instances
    with deployment.session() as session:
        stores = deployment.stores(session)
        erasure_keys = {row.id: row.erasure_key for row in session.execute(select(table.c.id, table.c.erasure_key))}
    for store in stores:
        secrets = [each for each in (store.access_token, erasure_keys.get(store.id)) if each]
        if not all(_opens(state.cipher, each) for each in secrets):
            text = f"{name_of(store)}: no key of this process opens its access token."
            results.append(Result("keys", "failure", text, _LOST, can_wait=False, instance_id=store.id))
            deployment.keyless.add(store.id)
        elif not all(_opens(first, each) for each in secrets):
            old += 1
    if old:
        text = f"The secrets of {old} {'store' if old == 1 else 'stores'} are encrypted with an older key."
        results.append(Result("keys", "warning", text, _ROTATE))
    return results or [Result("keys", "ok", f"The first key opens the tokens of all stores ({len(stores)}).")]


def _opens(cipher: TokenCipher, ciphertext: bytes) -> bool:
    try:
        cipher.decrypt(ciphertext)
    except KeyMissing:
        return False
    return True
