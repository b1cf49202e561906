"""Unpacking downloaded archives safely."""
