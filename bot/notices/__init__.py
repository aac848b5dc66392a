"""Notices on areas: read from feeds, placed on areas, put into words, told to followers."""
