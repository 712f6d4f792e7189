"""People who are erased: known again, in whatever arrives, by hashes under a key of each instance."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from ..encryption import TokenCipher
from ..errors import KeyMissing
from ..models import Tables, db_now
from ..resources.base import Resource


@dataclass(frozen=True)
class ErasedPeople:
    """Those of one instance; the key stays out of its ``repr``."""

    hashes: frozenset[str]
    key: bytes = field(repr=False)

    def includes(self, resource: Resource, record: object) -> bool:
        """Whether a record is about one of them; yes of what does not say whom, such as what is no object."""
        if not isinstance(record, dict) or resource.people is None:
            return True
        people = resource.people(record)
        return any(person_hash(self.key, person) in self.hashes for person in people)


def person_hash(key: bytes, person: str) -> str:
    """HMAC-SHA256, in hex: without the key nobody can try out addresses."""
    return hmac.new(key, person.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def erased_people(session: Session, tables: Tables, cipher: TokenCipher, instance_id: int) -> ErasedPeople | None:
    """Those of the instance, None if there are none; ``KeyMissing`` if their key cannot be decrypted."""
    instances, people = tables.instances, tables.erased_people
    rows = session.execute(
        select(instances.c.erasure_key, people.c.person_hash)
        .join(people, people.c.instance_id == instances.c.id)
        .where(instances.c.id == instance_id)
    ).all()
    if not rows:
        return None
    return ErasedPeople(
        frozenset(row.person_hash for row in rows), erasure_key(cipher, instance_id, rows[0].erasure_key)
    )


def remember(
    session: Session, tables: Tables, cipher: TokenCipher, instance_id: int, people: Iterable[str]
) -> ErasedPeople:
    """Have these (see ``resources.person_data``) known again from now on; they alone, as ``ErasedPeople``."""
    instances, stored = tables.instances, tables.erased_people
    mine = instances.c.id == instance_id
    new_key = cipher.encrypt(secrets.token_hex(32))
    # A write first, so that two who erase at once agree on the key (SQLite has no FOR UPDATE).
    session.execute(update(instances).where(mine).values(erasure_key=func.coalesce(instances.c.erasure_key, new_key)))
    key = erasure_key(cipher, instance_id, session.execute(select(instances.c.erasure_key).where(mine)).scalar_one())
    hashes = frozenset(person_hash(key, person) for person in people)
    known = set(
        session.execute(
            select(stored.c.person_hash).where(stored.c.instance_id == instance_id, stored.c.person_hash.in_(hashes))
        ).scalars()
    )
    rows = [{"instance_id": instance_id, "person_hash": each} for each in sorted(hashes - known)]
    if rows:
        session.execute(insert(stored).values(erased_at=db_now()), rows)
    return ErasedPeople(hashes, key)


def erasure_key(cipher: TokenCipher, instance_id: int, ciphertext: bytes) -> bytes:
    """The instance's key; ``KeyMissing`` if it cannot be decrypted."""
    try:
        return bytes.fromhex(cipher.decrypt(ciphertext).reveal())
    except KeyMissing:
        raise KeyMissing(
            f"The erasure key of instance {instance_id} cannot be decrypted with any of BIGCOMMERCE_ENCRYPTION_KEYS: "
            "put the key it was encrypted with back at the end of the list. Until then nobody erased would be known."
        ) from None
