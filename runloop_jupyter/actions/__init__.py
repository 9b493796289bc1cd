"""What a user can do, one module a verb; the magics and the Python API call the same functions."""
