"""What happened, kept and told: event stores, message brokers, webhooks, retention.

Guarantee: an event that was accepted is delivered, at least once, in order, whatever fails in between; a consumer
recognises a repetition by (id, revision). Cost: one transaction for a batch of messages. Limit: to one store from
one process at a time.
"""

__all__: list[str] = []
