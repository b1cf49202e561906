"""Estimating what a build will take, before it starts."""
