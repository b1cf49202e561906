"""Shards: planned from clips, written from fragments."""
