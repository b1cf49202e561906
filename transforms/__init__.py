"""The Beam PTransforms, one module for each step of the graph in `clipmill.pipeline.graph`."""
