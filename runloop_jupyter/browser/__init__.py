"""The browser: a widget that shows a store, and what the kernel does for it. Its other end is ``js/browser/``."""
