"""Personal data out of sight: rules for names, numbers, plates and addresses in four languages.

Pure: text goes in, spans come out. There is no trained model of names; a name is known by how it is
introduced, by the question that it answers, or because it was introduced earlier in the same
conversation. `docs/decisions/` tells why, and tests measure what is found and what is hidden for
nothing.
"""

from bot.masking.masker import KINDS, Masker, Span, names_in

__all__ = ["KINDS", "Masker", "Span", "names_in"]
