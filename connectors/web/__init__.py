"""The web chat: an HTTP contract for the widget (`docs/chat-api.md`) and the widget itself."""
