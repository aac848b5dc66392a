"""The desk: people who take over a conversation, and what keeps that orderly."""
