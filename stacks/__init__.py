"""Wiring: one stack per lifecycle. Only app.py imports this."""
