"""Reading a city's own files: all is checked before anything is loaded (docs/places.md)."""
