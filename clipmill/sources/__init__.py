"""Sources: the video files that rows of a listing name."""
