"""Citizens' photos: read safely, kept in a store, fetched from providers, deleted in time."""
