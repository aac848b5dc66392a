"""Keeping what must be kept, and nothing longer: backup, restore, and the purge of old words."""
