"""The Beam PTransforms, one module for each stage of the graph in `clipmill.pipeline.graph`."""
