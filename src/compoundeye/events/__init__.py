"""What happened, kept and told: event stores, message brokers, webhooks, retention.

Guarantee: a message that was accepted is delivered, at least once, in order, whatever fails in between; a consumer
recognises a repetition by (id, revision). Cost: one transaction for a batch of messages, on disk when it returns; what
goes over a network waits in a file until the other side says that it has it. Limit: a million messages wait, then the
oldest give way and are counted; a broker may lose what it has acknowledged.
"""

from compoundeye.events._counts import Count
from compoundeye.events._interrupted import interrupted
from compoundeye.events._open import open_sink, open_sinks
from compoundeye.events._query import Message, Seen
from compoundeye.events._retention import Housekeeper, Removed, Retention, is_store, retain
from compoundeye.events._sink import EventSink, Several, SinkStatus
from compoundeye.events._store import EventStore
from compoundeye.events._wire import decode, encode

__all__ = [
    "Count",
    "EventSink",
    "EventStore",
    "Housekeeper",
    "Message",
    "Removed",
    "Retention",
    "Seen",
    "Several",
    "SinkStatus",
    "decode",
    "encode",
    "interrupted",
    "is_store",
    "open_sink",
    "open_sinks",
    "retain",
]
