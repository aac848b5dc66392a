"""Likewise: one civic assistant on the city's website, on Telegram and by SMS."""

from bot.processor import choose_core

__version__ = "0.1.0"
choose_core()  # before anything loads NumPy
