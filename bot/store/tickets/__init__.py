"""The register of tickets, in parts: opening, the life of a ticket, followers, searching, news."""
