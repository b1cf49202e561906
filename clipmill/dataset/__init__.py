"""The data set on disk: tables, versions, publishing, verifying."""
