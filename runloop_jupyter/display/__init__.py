"""How results look: cards, tables, progress, pages, each in text and HTML. Plain data in, nothing fetched."""
