"""One Beam PTransform for each word of the sentence that `pipeline.graph` reads like."""
