"""The embedded store: a local server process with the published APIs, durable, authenticated and offline."""
