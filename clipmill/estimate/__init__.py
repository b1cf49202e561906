"""What a build will take, before it starts."""
