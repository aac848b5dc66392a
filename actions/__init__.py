"""Rasa actions: thin; each reads what was said, asks the city's registers, and names a phrase."""
