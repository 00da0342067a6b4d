"""Doors for people of one field: their formats in, their formats out, and the rest of priorlift."""
