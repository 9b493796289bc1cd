"""Stored things made visible under a directory of the kernel: links, a filesystem of its own, a folder to write in."""
