"""Moving bytes: up, down, by range, with digests, a journal, and progress that anyone may watch."""
