"""Writes `domain.yml`: intents, slots and actions, with the primary language's phrases.

The domain is made from the same tables that the code uses, so that the two never drift apart; a
test compares the file with what this makes (`python -m bot train --write-domain`).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from actions.registry import ACTIONS

INTENTS = (
    "affirm",
    "area_contact",
    "area_facts",
    "area_news",
    "ask",
    "cancel",
    "change_language",
    "compliment",
    "danger",
    "deny",
    "facility_find",
    "forget_area",
    "forget_me",
    "goodbye",
    "greet",
    "help",
    "identity",
    "inform",
    "insult",
    "more",
    "nlu_fallback",
    "out_of_scope",
    "person",
    "privacy",
    "repeat",
    "report",
    "skip",
    "smalltalk",
    "subscribe_area",
    "thanks",
    "ticket_status",
    "unsubscribe_area",
    "unfollow_ticket",
    "waste_day",
    "withdraw_ticket",
)
ENTITIES = (
    "area",
    "area_code",
    "change",
    "date",
    "decided",
    "earlier",
    "email",
    "facility",
    "figure",
    "house_number",
    "lamp_post",
    "language",
    "option",
    "phone",
    "photo_place",
    "postcode",
    "spot",
    "street",
    "ticket_reference",
    "topic",
    "twin",
    "with",
)
SLOTS = (
    "around",
    "asked_area",
    "misses",
    "pending",
    "recent",
    "report_change",
    "report_confirmed",
    "report_contact",
    "report_detail",
    "report_given",
    "report_next",
    "report_photos",
    "report_place",
    "report_service",
    "report_spots",
    "report_text",
    "report_twin",
    "report_twins",
    "spoken",
)
REQUIRED = [
    "report_service",
    "report_place",
    "report_detail",
    "report_twin",
    "report_confirmed",
]
HEADER = """\
# Made by `python -m bot train --write-domain` from bot/brain/domain.py and data/phrases/en.yml.
# Change those, not this file.
"""


def domain(phrases: Path) -> dict[str, Any]:
    """The domain as Rasa reads it, with the responses of one phrase file."""
    responses = YAML(typ="safe").load(phrases.read_text("utf-8"))["responses"]
    return {
        "version": "3.1",
        "session_config": {
            "session_expiration_time": 1440,
            "carry_over_slots_to_new_session": True,
        },
        "intents": [{name: {"use_entities": []}} for name in INTENTS],
        "entities": list(ENTITIES),
        "slots": {
            name: {
                "type": "any",
                "influence_conversation": False,
                "mappings": [{"type": "custom"}],
            }
            for name in SLOTS
        },
        "forms": {"report_form": {"required_slots": REQUIRED}},
        "actions": [action.label for action in ACTIONS],
        "responses": responses,
    }


def text(phrases: Path) -> str:
    """The text of `domain.yml`."""
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 100
    yaml.dump(domain(phrases), out)
    return HEADER + out.getvalue()
