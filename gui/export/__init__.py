"""Files for others: pictures, films and handouts of a run, made without a window."""
