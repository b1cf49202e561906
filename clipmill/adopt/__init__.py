"""Adopting: TFRecord shards that others wrote become a version, as they are."""
