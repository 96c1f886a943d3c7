"""From ended items to destinations: encoding, queues, senders, and exporters of other kinds."""
