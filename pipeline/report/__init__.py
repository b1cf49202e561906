"""Messages of a build, for people and programs."""
