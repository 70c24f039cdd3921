"""The way from the window to files: what is asked for, a preview of it, and the work in a thread."""
