"""Likewise: one civic assistant on the city's website, on Telegram and by SMS."""

__version__ = "0.1.0"
