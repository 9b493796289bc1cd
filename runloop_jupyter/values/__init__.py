"""Python values and their stored forms: one codec a format, found by the registry."""
