"""The tables: joints between the three rooms, and the registers of the city.

One module a theme; everything is named here. Changes need a migration in `migrations/versions`.
"""

from bot.store.schema.base import metadata
from bot.store.schema.desk import canned_replies, desk_presence, handover_events, handovers
from bot.store.schema.exchange import forwards, open311_keys
from bot.store.schema.learning import labelled_examples
from bot.store.schema.library import answers
from bot.store.schema.neighbourhood import area_subscriptions, drawings, notices
from bot.store.schema.pictures import photos
from bot.store.schema.ratings import ratings
from bot.store.schema.requests import (
    counters,
    follow_requests,
    ticket_events,
    ticket_followers,
    ticket_lookups,
    ticket_news,
    tickets,
)
from bot.store.schema.review import saved_filters, talk_facets, talk_notes, talks
from bot.store.schema.road import (
    conversations,
    inbox,
    marks,
    opt_outs,
    outbox,
    reports,
    turns,
    web_sessions,
)
from bot.store.schema.staff import (
    audit,
    sign_in_failures,
    staff,
    staff_links,
    staff_recovery_codes,
    staff_sessions,
)
from bot.store.schema.territory import (
    areas,
    collection_exceptions,
    collections,
    facilities,
    lamp_posts,
    officials,
    outlines,
    remembered_areas,
    streets,
    territory_loads,
)

__all__ = [
    "answers",
    "area_subscriptions",
    "areas",
    "audit",
    "canned_replies",
    "collection_exceptions",
    "collections",
    "conversations",
    "counters",
    "desk_presence",
    "drawings",
    "facilities",
    "follow_requests",
    "handover_events",
    "handovers",
    "inbox",
    "labelled_examples",
    "lamp_posts",
    "forwards",
    "marks",
    "open311_keys",
    "metadata",
    "notices",
    "officials",
    "opt_outs",
    "outbox",
    "outlines",
    "photos",
    "ratings",
    "remembered_areas",
    "reports",
    "saved_filters",
    "sign_in_failures",
    "staff",
    "staff_links",
    "staff_recovery_codes",
    "staff_sessions",
    "streets",
    "talk_facets",
    "talk_notes",
    "talks",
    "territory_loads",
    "ticket_events",
    "ticket_followers",
    "ticket_lookups",
    "ticket_news",
    "tickets",
    "turns",
    "web_sessions",
]
