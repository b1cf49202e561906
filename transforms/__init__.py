"""One Beam PTransform for each word of the sentence that `clipmill.pipeline.graph` reads like."""
