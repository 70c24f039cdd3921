"""The lesson that is open."""
