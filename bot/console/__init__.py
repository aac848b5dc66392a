"""The staff console: pages for those who read conversations, answer in person and handle tickets.

Server-rendered pages and plain forms under `/console`, on the same server as the chat. Everything
works without scripts; small modules make lists live. Each route is one row of a table with the role
that it asks for (`bot.console.routes`), and there is no other way to add one. `docs/console.md`
tells on one screen how to make a new page.
"""
