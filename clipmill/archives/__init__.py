"""Archives: data sets as they are downloaded, unpacked safely."""
