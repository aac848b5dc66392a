"""Open311 GeoReport v2: our own server, and forwarding to another city's system."""
