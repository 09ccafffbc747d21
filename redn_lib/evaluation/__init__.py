"""Measuring by the rules of published tables, and beside other programs."""
