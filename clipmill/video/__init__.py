"""Videos: packets, frames and times, and frames as JPEGs."""
