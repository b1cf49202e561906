"""The application: options, the graph, runners, the command line."""
