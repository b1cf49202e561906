"""clipmill turns a listing of videos into shards of frames, and shards into batches."""

__version__ = "0.1.0"
