"""The report of a data set: one page of HTML that holds everything it shows."""
