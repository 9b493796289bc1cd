"""Runloop in JupyterLab."""
