"""What is drawn: from a trace and a cursor to shapes, and from shapes to pixels and files; no Tk."""
