"""What a build tells people and programs."""
