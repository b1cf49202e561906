"""Training while a data set is built: a listing as a data set whose clips are made as they are asked for."""
