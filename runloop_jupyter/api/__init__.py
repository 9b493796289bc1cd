"""The wire's verbs: every published operation as one typed method, and the HTTP beneath them. No policy."""
